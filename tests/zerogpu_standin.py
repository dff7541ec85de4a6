"""A stand-in for the scheduler of ZeroGPU that the `spaces` package talks to."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from local_server import LocalServer

REFUSALS = {"quota": (429, {"left": 0, "wait": 3600}), "no_gpu": (503, {}), "expired": (401, {})}


def granted(number):
    """A GPU; that a worker of an earlier call is still there is told from the second one on."""
    return (200, {"idle": number > 1, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": f"token-{number}"})


class Scheduler(LocalServer):
    """Grants a GPU, or answers as `refusal` says; remembers what it was asked.

    Attributes:
        asked: (path, parameters) of each request, in order; "for" of the parameters is the last `/mark/NAME`.
        refusal: None, or the (status, body) that `/schedule` answers with; `/refuse/NAME` and `/grant` change it.
    """

    def __init__(self):
        super().__init__(_Answers)
        self.asked, self.refusal, self.mark, self.grants = [], None, "", 0

    def grant(self):
        self.grants += 1
        return self.grants

    def of(self, path, mark=None):
        return [parameters for asked, parameters in self.asked if asked == path and mark in (None, parameters["for"])]


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        parts = urlsplit(self.path)
        parameters = {key: values[0] for key, values in parse_qs(parts.query).items()}
        status, body = 200, {}
        if parts.path == "/grant":
            self.server.refusal = None
        elif parts.path.startswith("/refuse/"):
            self.server.refusal = REFUSALS[parts.path.removeprefix("/refuse/")]
        elif parts.path.startswith("/mark/"):
            self.server.mark = parts.path.removeprefix("/mark/")
        else:
            self.server.asked.append((parts.path, {**parameters, "for": self.server.mark}))
        if parts.path == "/schedule":
            status, body = self.server.refusal or granted(self.server.grant())
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass
