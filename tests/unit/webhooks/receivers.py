"""A receiver of webhooks on a socket of this machine, and the names that lead to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from webhooks.post import ANSWER_BYTES_MAX

HERE = "127.0.0.1"


class SaidNames(AbstractResolver):
    """Resolves each name to what it was told, one answer after the other; the last stays."""

    def __init__(self, answers: Mapping[str, list[str]]) -> None:
        self._answers = {name: list(addresses) for name, addresses in answers.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        known = self._answers.get(host)
        if known is None:
            raise OSError("no such name")
        addresses = (known.pop(0) if len(known) > 1 else known[0]).split()
        return [
            ResolveResult(hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0)
            for each in addresses
        ]

    async def close(self) -> None: ...


class Receiver:
    """Answers as its path says, and remembers what it got."""

    def __init__(self) -> None:
        self.got: list[web.Request] = []
        self.bodies: list[bytes] = []
        self._let_go = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.got.append(request)
        self.bodies.append(await request.read())
        match request.path:
            case "/hang":
                await self._let_go.wait()
            case "/drop":
                assert request.transport is not None
                request.transport.abort()
            case "/redirect":
                return web.Response(status=307, headers={"Location": f"http://{HERE}:{request.url.port}/200"})
            case "/patience":
                return web.Response(status=429, headers={"Retry-After": "120"})
            case "/patience-once":
                status = 429 if len(self.got) == 1 else 204
                return web.Response(status=status, headers={"Retry-After": "1"})
            case "/flood":
                return web.Response(body=b"x" * (ANSWER_BYTES_MAX * 1000))
            case "/hang-behind-200":
                response = web.StreamResponse()
                await response.prepare(request)
                await self._let_go.wait()
            case path:
                return web.Response(status=int(path[1:]))
        return web.Response()

    def let_go(self) -> None:
        self._let_go.set()
