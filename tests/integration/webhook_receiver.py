"""A receiver of webhooks as tenants run them: some good, some bad. It verifies with the standard's own package."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from directory.webhook_endpoint import NoticeType

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A request that told of a payment: which event, and whether it was answered well."""

    payment_id: str
    sequence: int
    is_accepted: bool


class WebhookReceiver:
    """A server in a thread of its own; `/{name}` behaves as the name says, `flaky` by chance."""

    def __init__(self, *, seed: int) -> None:
        self._chance = random.Random(seed)
        self._secrets: dict[str, Sequence[str]] = {}
        self._heard: defaultdict[str, list[Heard]] = defaultdict(list)
        self._notices: defaultdict[str, list[str]] = defaultdict(list)
        self.forged = 0
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._port = 0
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._is_up.wait(10)

    def url(self, name: str) -> str:
        return f"http://{HOST}:{self._port}/{name}"

    def expect(self, name: str, *secrets: str) -> None:
        """Accept at this path only what one of these secrets has signed."""
        self._secrets[name] = secrets

    def heard(self, name: str) -> list[Heard]:
        return list(self._heard[name])

    def notices(self, name: str) -> list[str]:
        """Return which endpoints were disabled, as far as this one has accepted to be told."""
        return list(self._notices[name])

    def accepted(self, name: str) -> set[tuple[str, int]]:
        return {(it.payment_id, it.sequence) for it in self.heard(name) if it.is_accepted}

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_post("/{name}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        self._port = runner.addresses[0][1]
        self._is_up.set()
        await self._closing.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name, body = request.match_info["name"], await request.read()
        headers = dict(request.headers)
        if not any(_verifies(secret, body, headers) for secret in self._secrets.get(name, ())):
            self.forged += 1
            return web.Response(status=400)
        payment_id, _, sequence = headers["webhook-id"].partition(":")
        behave = self._behaviour(name)
        status = behave(request)
        # Written down before it is answered: what the sender heard was heard here first.
        if json.loads(body)["type"] != NoticeType.ENDPOINT_DISABLED:
            self._heard[name].append(Heard(payment_id=payment_id, sequence=int(sequence), is_accepted=status == 204))
        elif status == 204:
            self._notices[name].append(payment_id)
        if status is None:
            await self._closing.wait()
            raise web.HTTPServiceUnavailable
        location = {"Location": self.url("good")} if status == 307 else {}
        patience = {"Retry-After": "1"} if status == 429 else {}
        return web.Response(status=status, headers=location | patience)

    def _behaviour(self, name: str) -> Callable[[web.Request], int | None]:
        fixed = {"good": 204, "gone": 410, "redirect": 307, "hang": None}
        if name in fixed:
            return lambda _: fixed[name]
        return self._by_chance

    def _by_chance(self, request: web.Request) -> int | None:
        dice = self._chance.random()
        if dice < 0.1:
            return 500
        if dice < 0.105:
            # Rarely: it is sent nothing else for a second.
            return 429
        if dice < 0.2:
            assert request.transport is not None
            request.transport.close()
            return 500
        return 204


def _verifies(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True
