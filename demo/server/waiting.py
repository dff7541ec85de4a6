"""Jobs that wait for their turn: bounded for each visitor, and dropped when nobody waits for their answer."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qs

import fastapi
import gradio as gr
from gradio.queueing import Event, Queue
from starlette.types import ASGIApp, Receive, Scope, Send

# Jobs of one visit, and of one address, that may wait; together with those of others they fill Gradio's `max_size`.
PER_SESSION = 8
PER_ADDRESS = 16
# A client asks for its answer at once after it has joined; one that has not after so long is gone.
GRACE_S = 10.0
# Visitors of this machine itself, or all that come through a proxy on it that was not named as trusted.
_LOOPBACK = ("127.", "::1", "testclient")


class FairQueue(Queue):
    """Gradio's queue, in which jobs whose client listens go first and those of clients that are gone never run.

    Attributes:
        listening: open streams of answers, by session.
        grace_s: see `GRACE_S`.
    """

    listening: Counter[str]
    grace_s = GRACE_S

    @classmethod
    def of(cls, queue: Queue) -> FairQueue:
        """A queue with the options of another one."""
        fair = cls(
            live_updates=queue.live_updates,
            concurrency_count=queue.max_thread_count,
            update_intervals=queue.update_intervals,
            max_size=queue.max_size,
            blocks=queue.blocks,
            default_concurrency_limit=queue.default_concurrency_limit,
        )
        fair.listening = Counter()
        return fair

    async def push(self, body, request: fastapi.Request, username: str | None):  # type: ignore[no-untyped-def]
        """Let a job wait, unless as many of its visitor's do."""
        waiting = list(self._waiting())
        session = body.session_hash
        own = sum(event.session_hash == session for event in waiting) if session else 0
        address = network_of(request.scope)
        near = 0 if address.startswith(_LOOPBACK) else sum(network_of(e.request.scope) == address for e in waiting)
        for count, limit, whose in ((own, PER_SESSION, "visit"), (near, PER_ADDRESS, "address")):
            if count >= limit:
                words = f"{count} jobs of your {whose} are waiting, and no more are taken. Try again in a moment."
                return False, words, "queue_full"
        return await super().push(body, request, username)

    def get_events(self):  # type: ignore[no-untyped-def]
        """Jobs to run next, in the form that Gradio's queue expects."""
        now = time.monotonic()
        for waiting in self.event_queue_per_concurrency_id.values():
            busy = waiting.concurrency_limit is not None and waiting.current_concurrency >= waiting.concurrency_limit
            if busy or not waiting.queue:
                continue
            for event in [e for e in waiting.queue if not self._heard(e) and now - e.enqueue_time > self.grace_s]:
                waiting.queue.remove(event)
                self._forget(event)
            waiting.queue.sort(key=lambda event: not self._heard(event))  # stable: otherwise first come, first served
        return super().get_events()

    def _waiting(self) -> Iterator[Event]:
        for waiting in self.event_queue_per_concurrency_id.values():
            yield from waiting.queue

    def _heard(self, event: Event) -> bool:
        return self.listening[event.session_hash] > 0

    def _forget(self, event: Event) -> None:
        session = event.session_hash
        self.event_ids_to_events.pop(event._id, None)
        pending = self.pending_event_ids_session.get(session, set())
        pending.discard(event._id)
        if not pending:
            self.pending_event_ids_session.pop(session, None)
            if session in self.pending_messages_per_session:
                del self.pending_messages_per_session[session]


class Listeners:
    """Tell a `FairQueue` which clients listen for their answers.

    Args:
        app: what is served.
        page: the blocks whose queue it is, if it has one.
    """

    def __init__(self, app: ASGIApp, page: gr.Blocks) -> None:
        self._app = app
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        queue = self._page._queue
        if not isinstance(queue, FairQueue):
            return await self._app(scope, receive, send)
        session = _listened_to(scope, queue)
        if session is None:
            return await self._app(scope, receive, send)
        queue.listening[session] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            queue.listening[session] -= 1
            if queue.listening[session] <= 0:
                del queue.listening[session]


def _listened_to(scope: Scope, queue: Queue) -> str | None:
    """The session whose answers a request is for; None for other requests."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    path = scope["path"].rstrip("/")
    if path.endswith("/queue/data"):
        return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [None])[0]
    if "/call/" in path:
        event_id = path.rpartition("/")[2]
        event = queue.event_ids_to_events.get(event_id)
        return event_id if event is None else event.session_hash
    return None


def network_of(scope: Scope) -> str:
    """The sender's address; of IPv6 its /64, since one household has all of that."""
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)
