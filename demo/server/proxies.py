"""X-Forwarded-For, -Host and -Proto: believed of the proxies that the operator names, and of nobody else."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from deresunet.errors import InputError

_FORWARDED = b"x-forwarded-"


class TrustedProxies:
    """Take visitors' addresses, host and scheme from trusted proxies; drop such headers of other senders.

    Args:
        app: what is served.
        trusted: addresses or networks of proxies; "*" trusts every sender.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str] = ()) -> None:
        self._app = app
        # Uvicorn names the same calls by types of its own.
        self._forwarding: Any = ProxyHeadersMiddleware(cast(Any, app), trusted_hosts=list(trusted))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        sender = (scope.get("client") or ("", 0))[0]
        if sender in self._forwarding.trusted_hosts:
            return await self._forwarding(scope, receive, send)
        kept = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(_FORWARDED)]
        return await self._app({**scope, "headers": kept}, receive, send)


def checked_proxies(trusted: Sequence[str]) -> tuple[str, ...]:
    """The addresses and networks of proxies as they were given.

    Raises:
        InputError: one is neither an address, nor a network, nor "*".
    """
    for proxy in trusted:
        try:
            if proxy != "*":
                ipaddress.ip_network(proxy, strict=False)
        except ValueError as error:
            raise InputError(
                f"The trusted proxy is {proxy!r}; expected an address or a network such as 127.0.0.1 or 10.0.0.0/8."
            ) from error
    return tuple(trusted)
