"""The simulated bank in an outage: it answers 503 to all but those who look at the outage or end it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from rails.simulated.app import refused_with

RETRY_AFTER_S = 1
# And the page, which shows it.
OPEN_IN_AN_OUTAGE = ("/faults", "/clock", "/health/live")


class BankUnreachable(Exception):
    """An outage that was asked for."""

    def __init__(self) -> None:
        super().__init__("the bank is not to be reached: somebody asked for an outage")


_unreachable = refused_with(HTTPStatus.SERVICE_UNAVAILABLE)


class Door:
    """Stands before the bank's app: in an outage it answers 503 to all but what ends outages."""

    def __init__(self, app: ASGIApp, is_out: Callable[[], bool]) -> None:
        self._app = app
        self._is_out = is_out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = scope["type"] != "http" or scope["path"] == "/" or scope["path"].startswith(OPEN_IN_AN_OUTAGE)
        if is_open or not self._is_out():
            await self._app(scope, receive, send)
            return
        response = await _unreachable(Request(scope), BankUnreachable())
        response.headers["retry-after"] = str(RETRY_AFTER_S)
        await response(scope, receive, send)
