"""A stand-in for the Hugging Face Hub: as much of its HTTP interface as making, filling and reading repositories takes.

It keeps repositories in memory, stores large files by their hash as the hub does, refuses what the hub refuses an
account, and remembers every request, so that a test can tell what was sent.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit

from huggingface_hub import constants
from local_server import LocalServer

TOKEN = "hf_" + "standin" * 4
LARGE = 10_000_000  # the hub's own bound between git and large-file storage
KIND = r"(?P<kind>model|space)s"
NAME = r"(?P<name>[\w.-]+/[\w.-]+)"


def git_oid(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Repository:
    """One repository: files at each commit, newest last, and what a Space has besides."""

    def __init__(self, kind, payload):
        self.kind, self.payload = kind, payload
        self.private = payload.get("visibility") == "private" or payload.get("private") is True
        self.commits = [("0" * 39 + "1", {".gitattributes": b"*.safetensors filter=lfs\n"})]
        self.large = set()
        # A Space's machine is requested when it is made, and runs once it is built.
        self.requested = [payload.get("hardware", "cpu-basic")] if kind == "space" else []
        self.sleep_time = payload.get("sleepTimeSeconds")

    @property
    def head(self):
        return self.commits[-1][0]

    @property
    def files(self):
        return self.commits[-1][1]

    def at(self, revision):
        return self.files if revision == "main" else dict(self.commits).get(revision)

    def commit(self, files):
        oid = hashlib.sha1(f"{self.head}{sorted(files)}".encode()).hexdigest()
        self.commits.append((oid, files))
        return oid

    def oid(self, path):
        content = self.files.get(path)
        if content is None:
            return None
        return hashlib.sha256(content).hexdigest() if path in self.large else git_oid(content)

    def entry(self, path, content):
        told = {"type": "file", "path": path, "size": len(content), "oid": git_oid(content)}
        if path in self.large:
            told["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
        return told


class Hub(LocalServer):
    """The server.

    Attributes:
        repositories: (kind, "USER/NAME") -> Repository.
        blobs: sha256 -> content of what came through large-file storage.
        asked: (method, path) of every request, in order.
        committed: what each commit sent: [(key, path)].
        refusals: path pattern -> (status, message) that is answered instead.
        pro, pays: whether the account has a PRO subscription, and a payment method.
        large: size from which files go into large-file storage; the hub's own bound unless told otherwise.
        runtimes: what a Space's runtime says, one after the other; the last one stays.
    """

    def __init__(self):
        super().__init__(_Answers)
        self.repositories, self.blobs = {}, {}
        self.asked, self.committed, self.refusals = [], [], {}
        self.pro, self.pays, self.large = False, True, LARGE
        self.runtimes = [{"stage": "RUNNING"}]

    def refusal_of(self, flavor):
        """What the hub answers an account that asks for a machine it may not have."""
        if flavor == "cpu-basic" and not self.pro:
            return "hosting Gradio and Docker Spaces on free cpu-basic requires a PRO subscription"
        if flavor not in ("cpu-basic", "zero-a10g") and not self.pays:
            return "You must add a payment method to your account"
        return None

    def uploads(self):
        return [path for method, path in self.asked if method == "PUT" and path.startswith("/blobs/")]


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._route("GET")

    def do_HEAD(self):
        self._route("HEAD")

    def do_POST(self):
        self._route("POST")

    def do_PUT(self):
        self._route("PUT")

    def _route(self, method):
        parts = urlsplit(self.path)
        path, self.query = unquote(parts.path), parse_qs(parts.query)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((method, path))
        for pattern, (status, message) in self.server.refusals.items():
            if re.search(pattern, path):
                return self._send({"error": message}, status)
        public = path.startswith("/blobs/") or method in ("GET", "HEAD")
        if not public and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._send({"error": "Invalid credentials"}, 401)
        for verb, pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, path)
            if verb in (method, "ANY") and found:
                return answer(self, **found.groupdict())
        return self._send({"error": f"the stand-in has no {method} {path}"}, 501)

    def _repository(self, kind, name):
        repository = self.server.repositories.get((kind, name))
        if repository is None:
            self._send({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        return repository

    def create(self):
        payload = json.loads(self.body)
        kind = payload.get("type", "model")
        name = f"{payload['organization']}/{payload['name']}"
        prefix = "" if kind == "model" else f"{kind}s/"
        told = {"url": f"{self.server.url}/{prefix}{name}", "name": name}
        if (kind, name) in self.server.repositories:
            return self._send({**told, "error": "You already created this repo"}, 409)
        if kind == "space" and payload.get("sdk") not in ("gradio", "docker", "static"):
            return self._send({"error": "sdk is missing"}, 400)
        if kind == "space" and (refusal := self.server.refusal_of(payload.get("hardware", "cpu-basic"))):
            return self._send({"error": refusal}, 402)
        self.server.repositories[kind, name] = Repository(kind, payload)
        return self._send(told)

    def validate(self):
        told = json.loads(self.body)
        good = told["repoType"] in ("model", "space") and told["content"].startswith("---\n")
        errors = [] if good else [{"message": "no front matter"}]
        return self._send({"errors": errors, "error": "invalid", "warnings": []}, 200 if good else 400)

    def info(self, kind, name, revision="main"):
        if repository := self._repository(kind, name):
            self._send({"id": name, "sha": repository.head, "private": repository.private, "tags": [], "siblings": []})

    def settings(self, kind, name):
        if repository := self._repository(kind, name):
            told = json.loads(self.body)
            repository.private = told.get("private", told.get("visibility") == "private")
            self._send({})

    def tree(self, kind, name, revision):
        if repository := self._repository(kind, name):
            self._send([repository.entry(path, content) for path, content in repository.at(revision).items()])

    def paths(self, kind, name, revision):
        if repository := self._repository(kind, name):
            files = repository.at(revision)
            if files is None:
                return self._send({"error": "Invalid rev"}, 404, {"X-Error-Code": "RevisionNotFound"})
            wanted = parse_qs(self.body.decode())["paths"]
            self._send([repository.entry(path, files[path]) for path in wanted if path in files])
        return None

    def preupload(self, kind, name, revision):
        if repository := self._repository(kind, name):
            self._send(
                {
                    "files": [
                        {
                            "path": file["path"],
                            "uploadMode": "lfs" if file["size"] >= self.server.large else "regular",
                            "shouldIgnore": False,
                            "oid": repository.oid(file["path"]),
                        }
                        for file in json.loads(self.body)["files"]
                    ]
                }
            )

    def batch(self, name, kind="model"):
        objects = []
        for item in json.loads(self.body)["objects"]:
            told = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.server.blobs:
                told["actions"] = {"upload": {"href": f"{self.server.url}/blobs/{item['oid']}", "header": {}}}
            objects.append(told)
        self._send({"transfer": "basic", "objects": objects})

    def blob(self, oid):
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self._send({"error": "another content than was announced"}, 400)
        self.server.blobs[oid] = self.body
        return self._send({})

    def commit(self, kind, name, revision):
        repository = self._repository(kind, name)
        if repository is None:
            return
        files, sent = dict(repository.files), []
        for line in self.body.splitlines():
            item = json.loads(line)
            key, value = item["key"], item["value"]
            if key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
                repository.large.discard(value["path"])
            elif key == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
                repository.large.add(value["path"])
            elif key == "deletedFile":
                del files[value["path"]]
            if key != "header":
                sent.append((key, value["path"]))
        self.server.committed.append(sent)
        oid = repository.commit(files)
        self._send({"commitUrl": f"{self.server.url}/{name}/commit/{oid}", "commitOid": oid, "hookOutput": ""})

    def runtime(self, name):
        if repository := self._repository("space", name):
            told = self.server.runtimes[0]
            if len(self.server.runtimes) > 1:
                self.server.runtimes.pop(0)
            hardware = {"current": None, "requested": repository.requested[-1]}
            self._send({"sha": repository.head, "hardware": hardware, "gcTimeout": repository.sleep_time, **told})

    def hardware(self, name):
        if repository := self._repository("space", name):
            told = json.loads(self.body)
            if refusal := self.server.refusal_of(told["flavor"]):
                return self._send({"error": refusal}, 402)
            repository.requested.append(told["flavor"])
            repository.sleep_time = told.get("sleepTimeSeconds")
            self._send({"stage": "BUILDING", "hardware": {"current": None, "requested": told["flavor"]}})
        return None

    def sleeptime(self, name):
        if repository := self._repository("space", name):
            repository.sleep_time = json.loads(self.body)["seconds"]
            self._send({"stage": "RUNNING", "hardware": {"current": repository.requested[-1], "requested": None}})

    def resolve(self, name, revision, path):
        repository = self._repository("model", name)
        if repository is None:
            return
        files = repository.at(revision)
        if files is None:
            self._send({"error": "Invalid rev"}, 404, {"X-Error-Code": "RevisionNotFound"})
        elif path not in files:
            self._send({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        else:
            # The hub tells the hash that it stored, whatever the content is by now.
            etag = hashlib.sha256(files[path]).hexdigest()
            self._send(files[path], 200, {"ETag": f'"{etag}"', "X-Repo-Commit": revision})

    def _send(self, content, status=200, headers=None):
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(key, value)
        if status >= 400:
            self.send_header("X-Error-Message", json.loads(content)["error"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


_ROUTES = [
    ("POST", "/api/repos/create", _Answers.create),
    ("POST", "/api/validate-yaml", _Answers.validate),
    ("GET", f"/api/spaces/{NAME}/runtime", _Answers.runtime),
    ("POST", f"/api/spaces/{NAME}/hardware", _Answers.hardware),
    ("POST", f"/api/spaces/{NAME}/sleeptime", _Answers.sleeptime),
    ("PUT", f"/api/{KIND}/{NAME}/settings", _Answers.settings),
    ("GET", f"/api/{KIND}/{NAME}(/revision/(?P<revision>.+))?", _Answers.info),
    ("GET", f"/api/{KIND}/{NAME}/tree/(?P<revision>[^/]+)", _Answers.tree),
    ("POST", f"/api/{KIND}/{NAME}/paths-info/(?P<revision>[^/]+)", _Answers.paths),
    ("POST", f"/api/{KIND}/{NAME}/preupload/(?P<revision>[^/]+)", _Answers.preupload),
    ("POST", f"/api/{KIND}/{NAME}/commit/(?P<revision>[^/]+)", _Answers.commit),
    ("POST", rf"/((?P<kind>space)s/)?{NAME}\.git/info/lfs/objects/batch", _Answers.batch),
    ("PUT", "/blobs/(?P<oid>[0-9a-f]{64})", _Answers.blob),
    ("ANY", f"/{NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", _Answers.resolve),
]


def environment(server, home):
    """What has a new process talk to the stand-in alone, with a token and a cache of its own."""
    return {"HF_ENDPOINT": server.url, "HF_HOME": str(home), "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}


def talk_to(server, home, monkeypatch):
    """The same for this process, where huggingface_hub may have read the environment already."""
    for name, value in environment(server, home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
