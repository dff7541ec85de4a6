"""A brake on guessing passwords."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ATTEMPTS = 5
WINDOW_S = 60.0
# Addresses that are remembered; the one that failed longest ago is forgotten first.
_ADDRESSES = 10_000


class LoginBrake:
    """Refuse logins of an address that failed `ATTEMPTS` times within `WINDOW_S`, whatever they say.

    Args:
        app: what is served; it answers a failed login with 400 or 401.
        clock: seconds that only grow.
    """

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        login = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].rstrip("/").endswith("/login")
        if not login:
            return await self._app(scope, receive, send)
        address, now = network_of(scope), self._clock()
        failed = [when for when in self._failed.get(address, []) if now - when < WINDOW_S]
        if len(failed) >= ATTEMPTS:
            wait = math.ceil(WINDOW_S - (now - failed[0]))
            answer = JSONResponse(
                {"detail": f"Too many failed logins. Try again in {wait} s."}, 429, {"Retry-After": str(wait)}
            )
            return await answer(scope, receive, send)
        # Counted before the answer is known, or many at once would all be let through.
        self._failed[address] = [*failed, now]
        self._failed.move_to_end(address)
        while len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)

        async def send_and_count(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] not in (400, 401):
                counted = self._failed.get(address, [])
                if now in counted:
                    counted.remove(now)
            await send(message)

        return await self._app(scope, receive, send_and_count)


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
