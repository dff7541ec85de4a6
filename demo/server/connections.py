"""Connections that send the head of a request too slowly, or not at all, are cut."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_S = 20.0


class TimelyProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Uvicorn's protocol with a time limit for each request's head; uvicorn has one between requests alone."""

    head_s = HEAD_S
    _cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock of the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request, and stop the clock once its head is whole."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._cut is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._cut = asyncio.get_running_loop().call_later(self.head_s, self._late)

    def _stop(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None

    def _late(self) -> None:
        self._cut = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


def cut_slow_connections(config: uvicorn.Config, head_s: float = HEAD_S) -> None:
    """Have a running server's new connections send a request's head within `head_s` seconds."""
    config.http_protocol_class = type("TimelyProtocol", (TimelyProtocol,), {"head_s": head_s})
