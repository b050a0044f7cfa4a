"""The load: the plan carried out at its own pace, whatever the stack does meanwhile (an open loop)."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Coroutine, Iterable
from typing import Any

from chaos.answers import Channel
from chaos.http_callers import HttpCallers, Request
from chaos.plan import Planned, Trouble, Twist
from chaos.poison import poison
from chaos.producers import Place, Producers

BATCH_MAX = 40
BATCH_S_MAX = 0.5
POISON_SHARE = 0.01
# So many requests that are not answered yet; then the load waits, and says how late it became.
UNANSWERED_MAX = 8000


class Load:
    """Sends what is planned. `sent` counts what was begun, `poison` is where each poisonous record stands."""

    def __init__(self, callers: HttpCallers, producers: Producers, *, seed: int) -> None:
        self.sent: Counter[str] = Counter()
        self.poison: list[tuple[Place, str]] = []
        self.late_s_max = 0.0
        self.is_over = asyncio.Event()
        self._callers = callers
        self._producers = producers
        self._seed = seed
        self._chance = random.Random(f"poison {seed}")
        self._room = asyncio.Semaphore(UNANSWERED_MAX)
        self._batch: list[Request] = []
        self._batch_since = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    async def run(self, planned: Iterable[Planned]) -> None:
        """Return when everything was sent and answered, or given up."""
        began = time.monotonic()
        for each in planned:
            if self._failure is not None:
                raise self._failure
            wait_s = began + each.at_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self.late_s_max = max(self.late_s_max, -wait_s)
            await self._begin(each)
        await self._send_batch()
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._failure is not None:
            raise self._failure
        self.is_over.set()

    async def _begin(self, planned: Planned) -> None:
        self.sent["payments"] += 1
        await self._pay(planned.channel, Request(key=planned.key, terms=planned.terms))
        for number, twist in enumerate(planned.twists):
            await self._spawn(self._twist(planned.key, number, twist))
        if self._chance.random() < POISON_SHARE:
            await self._spawn(self._poison(self.sent["poison"]))
            self.sent["poison"] += 1
        if self._batch and time.monotonic() - self._batch_since > BATCH_S_MAX:
            await self._send_batch()

    async def _pay(self, channel: Channel, request: Request) -> None:
        match channel:
            case Channel.HTTP:
                await self._spawn(self._callers.pay(request))
            case Channel.BATCH:
                self._batch_since = self._batch_since if self._batch else time.monotonic()
                self._batch.append(request)
                if len(self._batch) >= BATCH_MAX:
                    await self._send_batch()
            case Channel.MURMUR2 | Channel.CRC32:
                # Each command has an id of its own, that of its retries.
                await self._spawn(self._producers.pay(channel, request, str(uuid.uuid4())))

    async def _send_batch(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            await self._spawn(self._callers.pay_batch(batch))

    async def _twist(self, key: str, number: int, twist: Twist) -> None:
        await asyncio.sleep(twist.after_s)
        self.sent[twist.trouble] += 1
        request = Request(key=key, terms=twist.terms)
        cancel_key = f"{key}-{number}"
        match twist.trouble, twist.channel:
            case Trouble.CANCEL, Channel.HTTP | Channel.BATCH:
                await self._callers.cancel(key, cancel_key)
            case Trouble.CANCEL, _:
                await self._producers.cancel(twist.channel, key, cancel_key)
            case Trouble.REFUND, Channel.HTTP | Channel.BATCH:
                await self._callers.refund(key, f"{key}-{twist.refund_key}", twist.refund_minor)
            case Trouble.REFUND, _:
                refund_key = f"{key}-{twist.refund_key}"
                await self._producers.refund(twist.channel, key, refund_key, twist.refund_minor, str(uuid.uuid4()))
            case _, Channel.HTTP:
                await self._callers.pay(request)
            case _, Channel.BATCH:
                await self._callers.pay_batch([request])
            case _, _:
                await self._producers.pay(twist.channel, request, str(uuid.uuid4()))

    async def _poison(self, number: int) -> None:
        kind, record = poison(random.Random(f"poison {self._seed} {number}"), number)
        # Placed by murmur2: on another partition it would be forwarded first, and refused at a place unknown here.
        place = await self._producers.send(Channel.MURMUR2, record)
        if place is not None:
            self.poison.append((place, kind))

    async def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        await self._room.acquire()

        async def run() -> None:
            try:
                await work
            except Exception as error:  # A fault of the harness itself: the run cannot be judged.
                self._failure = self._failure or error
            finally:
                self._room.release()

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
