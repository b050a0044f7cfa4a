"""Requests without a server: what a route's reading functions are given."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Message


def request_with(
    *, body: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None, query: str = "", pieces: int = 1
) -> Request:
    """Return a POST whose body arrives in `pieces` pieces."""
    size = max(1, -(-len(body) // pieces))
    parts = [body[begin : begin + size] for begin in range(0, len(body), size)] or [b""]
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)} for number, part in enumerate(parts, 1)
    ]
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": query.encode(),
        "headers": [(name.lower(), value) for name, value in headers or []],
    }
    return Request(scope, receive)
