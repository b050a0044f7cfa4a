"""Delivers again what is asked for on webhook-requests: found among the attempts on the log, made due once more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

import structlog
from confluent_kafka import Message

from kafka_log.reader import Place
from schemas import codec
from schemas.deliveries import WebhookReplay
from schemas.topics import WEBHOOK_REQUESTS
from webhooks import metrics
from webhooks.delivery_log import Attempt, DeliveryLog
from webhooks.endpoints import Endpoints
from webhooks.pending import Pending
from webhooks.store import Store

log = structlog.get_logger(__name__)

TOPIC = WEBHOOK_REQUESTS.name
PLACE = (TOPIC, 0)  # It has one partition.
REQUESTS_A_READ_MAX = 100
READ_WAIT_S = 0.5

T = TypeVar("T")


class Reader(Protocol):
    """What is needed of `kafka_log.reader.LogReader`."""

    def assign(self, offsets: Mapping[Place, int]) -> None: ...

    def read(self, records_max: int, timeout_s: float) -> list[Message]: ...

    def first_offsets(self, topic: str) -> dict[int, int]: ...

    def close(self) -> None: ...


class Replays:
    """Every dispatcher reads every request, and finds what is on its own (`live`) partitions; `wake` tells that
    something is due, `catch_up` returns when the endpoints are known as they are by now; False: nothing may be done
    any more."""

    def __init__(
        self,
        reader: Reader,
        deliveries: DeliveryLog,
        endpoints: Endpoints,
        store: Store,
        *,
        live: Collection[int],
        wake: Callable[[Iterable[str]], None],
        catch_up: Callable[[], Awaitable[bool]],
        system_us: Callable[[], int],
    ) -> None:
        self._reader = reader
        self._deliveries = deliveries
        self._endpoints = endpoints
        self._store = store
        self._live = live
        self._wake = wake
        self._catch_up = catch_up
        self._system_us = system_us
        # What is read leaves out nothing that these have still to do.
        self._covered: set[int] = set()
        self._look_again = asyncio.Event()
        # The reader is of one thread, which may still wait for it when `work` is cancelled.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="webhook-requests")

    async def close(self) -> None:
        """Let go of the log, when `work` has ended."""
        await self._in_thread(self._reader.close)
        self._thread.shutdown()

    def partition_came(self, partition: int) -> None:
        """A partition is live, of which earlier requests may not be done."""
        self._covered.discard(partition)
        self._look_again.set()

    async def work(self) -> None:
        """Do what is asked, until cancelled."""
        while True:
            await self._look_again.wait()
            self._look_again.clear()
            first = await self._first_to_do()
            if first is None:
                continue
            self._reader.assign({PLACE: first})
            while not self._look_again.is_set():
                for message in await self._in_thread(self._read):
                    await self._do(message)

    def _read(self) -> list[Message]:
        return self._reader.read(REQUESTS_A_READ_MAX, READ_WAIT_S)

    async def _first_to_do(self) -> int | None:
        todo = await self._next_requests()
        self._covered = set(todo)
        if not todo:
            return None
        firsts = await self._in_thread(lambda: self._reader.first_offsets(TOPIC))
        return max(min(todo.values()), firsts[0])

    async def _next_requests(self) -> dict[int, int]:
        """Return the next request of each partition that is ours."""
        live = sorted(self._live)
        places = await self._store.do(lambda pending: {each: pending.place(each) for each in live})
        return {partition: place.next_request for partition, place in places.items() if place is not None}

    async def _do(self, message: Message) -> None:
        offset = message.offset()
        assert offset is not None
        nexts = await self._next_requests()
        todo = [partition for partition, first in nexts.items() if first <= offset and partition in self._covered]
        request = _request(message)
        if not todo or request is None:
            return
        done = await self._store.do(partial(Pending.begin_replay, request_id=request.request_id))
        new = [partition for partition in todo if partition not in done]
        if new and self._is_of_its_tenant(request):
            metrics.REPLAYS.inc()
            log.info("replay_begun", endpoint_id=request.endpoint_id, request_id=request.request_id, partitions=new)
            await self._in_thread(lambda: self._find(request, new))
            if self._deliveries.is_stopping:
                return
        # An endpoint that was enabled before is: what is due to one that is not fails.
        if not await self._catch_up():
            return
        # What went to another dispatcher meanwhile is for that one to find.
        ours = [partition for partition in todo if partition in self._live and partition in self._covered]
        await self._make_due(request, ours, offset)

    async def _make_due(self, request: WebhookReplay, partitions: Sequence[int], offset: int) -> None:
        now_us = self._system_us()
        after: str | None = ""
        while after is not None:
            add = partial(Pending.add_found, replay=request, partitions=partitions, offset=offset, now_us=now_us)
            after = await self._store.do(partial(add, after=after))
            self._wake([request.endpoint_id])
        end = partial(Pending.end_replay, replay=request, partitions=partitions, offset=offset, now_us=now_us)
        await self._store.do(end)

    def _is_of_its_tenant(self, request: WebhookReplay) -> bool:
        entry = self._endpoints.entry(request.endpoint_id)
        if entry is not None and entry.tenant_id == request.tenant_id and entry.is_active:
            return True
        log.warning("replay_of_unknown_endpoint", endpoint_id=request.endpoint_id, request_id=request.request_id)
        return False

    def _find(self, request: WebhookReplay, partitions: Sequence[int]) -> None:
        def keep(attempts: Sequence[Attempt]) -> None:
            found = [
                (each.partition, each.delivery, _is_in_range(each, request))
                for each in attempts
                if request.message_id in (None, each.delivery.message_id)
            ]
            self._store.do_blocking(lambda pending: pending.found(found))

        self._deliveries.since(partitions, request.from_us or 0, keep, endpoint_id=request.endpoint_id)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _is_in_range(attempt: Attempt, request: WebhookReplay) -> bool:
    at_us = attempt.delivery.attempted_at_us
    return (request.from_us is None or at_us >= request.from_us) and (request.to_us is None or at_us < request.to_us)


def _request(message: Message) -> WebhookReplay | None:
    try:
        decoded = codec.decode(message.value())
    except codec.Undecodable as error:
        log.error("request_unreadable", offset=message.offset(), reason=error.reason)
        decoded = None
    if not isinstance(decoded, WebhookReplay):
        metrics.UNREADABLE.inc()
        return None
    return decoded
