"""Jobs of clients that are gone, and of visitors who ask for too many at once."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest
from gradio_client import Client

from demo.server import waiting
from demo.server.guard import GuardedBlocks
from demo.server.health import Health
from demo.serving import Serving


class Slow:
    """A page whose one function waits until it is let go, and notes what it was called with."""

    def __init__(self):
        self.go = threading.Event()
        self.ran = []
        with GuardedBlocks() as self.page:
            asked, told = gr.Textbox(), gr.Textbox()
            gr.Button().click(self.work, asked, told, api_name="work", concurrency_limit=1)
        Serving().serve(self.page, Health(lambda: None), quiet=True, ssr_mode=False)
        self.url = self.page.local_url.rstrip("/")
        self.queue = self.page._queue

    def work(self, value):
        self.ran.append(value)
        self.go.wait(30)
        return value

    def join(self, session, value="lost"):
        """Ask for an answer as the page does, without listening for it."""
        body = json.dumps({"data": [value], "fn_index": 0, "session_hash": session}).encode()
        asked = urllib.request.Request(f"{self.url}/gradio_api/queue/join", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)

    def present(self):
        """The job of a client that listens."""
        job = Client(self.url, verbose=False).submit("present", api_name="/work")
        while not any(self.queue.listening.values()):
            time.sleep(0.01)
        return job


@pytest.fixture
def slow():
    page = Slow()
    yield page
    page.go.set()
    page.page.close()


def test_who_listens_goes_before_jobs_that_nobody_waits_for(slow):
    slow.join("first", "first")
    for k in range(40):
        slow.join(f"gone {k}", f"gone {k}")
    job = slow.present()
    slow.go.set()
    assert job.result(timeout=30) == "present"
    assert slow.ran[:2] == ["first", "present"], "past forty that came before"


def test_jobs_of_clients_that_are_gone_never_run(slow):
    slow.join("first", "first")
    for k in range(30):
        slow.join(f"gone {k}")
    job = slow.present()
    slow.queue.grace_s = 0.0  # they have had their time
    slow.go.set()
    assert job.result(timeout=30) == "present"
    while len(slow.queue):
        time.sleep(0.01)
    assert set(slow.ran) <= {"first", "present"}
    assert not [key for key in slow.queue.pending_event_ids_session if key.startswith("gone")]
    assert not slow.queue.listening


def test_a_visit_has_so_many_waiting_jobs_and_others_still_get_in(slow):
    slow.join("first", "first")
    for _ in range(waiting.PER_SESSION):
        slow.join("greedy")
    with pytest.raises(urllib.error.HTTPError) as refused:
        slow.join("greedy")
    assert refused.value.code == 503
    assert "8 jobs of your visit are waiting" in refused.value.read().decode()
    slow.join("another")


def test_an_address_has_so_many_waiting_jobs(slow, monkeypatch):
    monkeypatch.setattr(waiting, "_LOOPBACK", ("0.",))
    for k in range(waiting.PER_ADDRESS + 1):  # the first one runs
        slow.join(f"visit {k}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        slow.join("one more")
    assert "16 jobs of your address are waiting" in refused.value.read().decode()


def test_everybody_who_listens_gets_their_own_answer(slow):
    slow.go.set()

    def visit(k):
        return Client(slow.url, verbose=False).predict(f"{k}", api_name="/work")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(visit, range(16))) == [str(k) for k in range(16)]
