"""One keep-alive HTTP connection that carries one request at a time, as cheaply as Python can."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import httptools


class Owner(Protocol):
    """Whoever gives a line its requests."""

    def answered(self, line: Line, status: int, body: bytes) -> None:
        """Hear the answer to the request that `line` carried."""

    def dropped(self, line: Line) -> None:
        """Hear that `line` is gone; a request that it carried has no answer."""


class Line(asyncio.Protocol):
    """`request` is the number of the request that it carries, None while it is idle; `idle_since_s` is monotonic."""

    __slots__ = (
        "_body",
        "_is_complete",
        "_is_last",
        "_owner",
        "_parser",
        "_transport",
        "from_s",
        "idle_since_s",
        "request",
    )

    def __init__(self, owner: Owner) -> None:
        self.request: int | None = None
        self.from_s = 0.0
        self.idle_since_s = 0.0
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._body: list[bytes] = []
        self._is_complete = False
        self._is_last = False

    def send(self, request: int, from_s: float, data: bytes) -> None:
        """Carry request number `request`, whose time counts from `from_s`."""
        assert self.request is None, "one request at a time"
        assert self._transport is not None, "it is connected"
        self.request, self.from_s = request, from_s
        self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one by its methods only.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
            return
        if self._is_complete:
            self._is_complete = False
            status, body = self._parser.get_status_code(), b"".join(self._body)
            self._body.clear()
            if self._is_last:
                self.close()
            self._owner.answered(self, status, body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._owner.dropped(self)

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    # What httptools calls.

    def on_body(self, part: bytes) -> None:
        self._body.append(part)

    def on_message_complete(self) -> None:
        self._is_complete = True
        # Asked now: once it is done with a message the parser has forgotten its length, and says that it must close.
        self._is_last = not self._parser.should_keep_alive()
