"""Paths as callers write them: with or without the last slash they mean the same."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send


class OneSpelling:
    """ASGI middleware that gives a path the spelling of its route, instead of a redirect that drops a POST's body."""

    def __init__(self, app: ASGIApp, paths: Iterable[str]) -> None:
        self._app = app
        self._collections = frozenset(path for path in paths if path.endswith("/") and path != "/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if f"{path}/" in self._collections:
                scope = {**scope, "path": f"{path}/"}
            elif path.endswith("/") and path not in self._collections and len(path) > 1:
                scope = {**scope, "path": path[:-1]}
        await self._app(scope, receive, send)
