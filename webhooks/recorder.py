"""Makes attempts last: on the log first, then in the state, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import structlog
from msgspec import Struct

from kafka_log.producer import LogUnavailable, OutRecord, Position
from schemas import codec
from schemas.deliveries import WebhookDelivery
from schemas.topics import WEBHOOK_DELIVERIES
from webhooks import metrics

log = structlog.get_logger(__name__)

ATTEMPTS_AT_ONCE_MAX = 500
RETRY_PAUSE_S = 0.5

Made = tuple[int, WebhookDelivery]  # With its partition.
Send = Callable[[Sequence[OutRecord]], Awaitable[list[Position]]]
Apply = Callable[[Sequence[Made], Mapping[int, int]], Awaitable[None]]


class _Waiting(Struct, frozen=True):
    made: Sequence[Made]
    done: asyncio.Future[None]


class Recorder:
    """`record` returns when its attempts are on the log, and in the state where their partitions are `live`.

    While Kafka does not answer nothing is attempted either: who records waits.
    """

    def __init__(self, send: Send, apply: Apply, live: Collection[int]) -> None:
        self._send = send
        self._apply = apply
        self._live = live
        self._waiting: list[_Waiting] = []
        self._something = asyncio.Event()

    async def record(self, made: Sequence[Made]) -> None:
        """Make attempts last; those of one event must not be given at once."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(made, done))
        self._something.set()
        await done

    async def work(self) -> None:
        """Write what is given, until cancelled."""
        while True:
            await self._something.wait()
            batch = self._next()
            await self._write([each for waiting in batch for each in waiting.made])
            for waiting in batch:
                if not waiting.done.done():
                    waiting.done.set_result(None)

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        count = 0
        while self._waiting and count < ATTEMPTS_AT_ONCE_MAX:
            batch.append(self._waiting.pop(0))
            count += len(batch[-1].made)
        if not self._waiting:
            self._something.clear()
        return batch

    async def _write(self, made: Sequence[Made]) -> None:
        positions = await self._on_the_log(made)
        for _, delivery in made:
            metrics.ATTEMPTS.labels(delivery.outcome.value).inc()
        # Of a partition that went to another dispatcher the state is not ours to change.
        ours = [each for each in made if each[0] in self._live]
        nexts: dict[int, int] = {}
        for position in positions:
            if position.partition in self._live:
                nexts[position.partition] = max(nexts.get(position.partition, 0), position.offset + 1)
        if ours:
            await self._apply(ours, nexts)

    async def _on_the_log(self, made: Sequence[Made]) -> list[Position]:
        """Append until it is acknowledged: an attempt that stands there twice is the same one."""
        records = [
            OutRecord(
                topic=WEBHOOK_DELIVERIES.name,
                key=delivery.endpoint_id,
                value=codec.encode(delivery),
                partition=partition,
            )
            for partition, delivery in made
        ]
        while True:
            try:
                return await self._send(records)
            except LogUnavailable as error:
                metrics.LOG_FAILURES.inc()
                log.warning("attempts_not_acknowledged", count=len(records), error=str(error))
                await asyncio.sleep(RETRY_PAUSE_S)
