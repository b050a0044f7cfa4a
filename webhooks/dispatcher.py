"""The dispatcher: reads what happens to payments, and delivers it to the endpoints of their tenants."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvloop
from aiohttp.abc import AbstractResolver
from confluent_kafka import Message

from business_clock import Clock, clock_of
from directory.changes import DirectoryRecord
from directory.sealing import Keyring
from directory.webhook_endpoint import is_public
from kafka_log.fold import LogFold
from kafka_log.group_reader import GroupReader, Told
from kafka_log.identity import log_identity
from kafka_log.producer import LogProducer
from kafka_log.reader import LogReader
from kafka_log.topics_admin import require_partitions
from observability.health import HealthServer
from schemas.topics import DIRECTORY_EVENTS, DIRECTORY_SECRETS, PAYMENT_EVENTS
from webhooks import metrics
from webhooks.arrivals import Arrivals, place_told, told_of
from webhooks.connections import NameResolver, open_connector
from webhooks.delivery_log import DeliveryLog
from webhooks.desk import FORGET_AT_ONCE_MAX, DeliveryDesk
from webhooks.disabling import Disabler
from webhooks.endpoints import Endpoints
from webhooks.lanes import Lanes
from webhooks.notice import notice_of
from webhooks.notices import Notices
from webhooks.pending import Pending, Place
from webhooks.post import Poster
from webhooks.recorder import Made, Recorder
from webhooks.replays import Replays
from webhooks.retries import DELAYS_S, SECOND_US, Schedule
from webhooks.store import Store
from webhooks.taker import Taker

log = structlog.get_logger(__name__)

GROUP = "directpay-webhooks"
DELIVERY_S_MAX = 10.0
LINGER_MS = 2.0
CATCH_UP_S_MAX = 5.0
TELL_EVERY_S = 1.0  # What a lost state costs: the group knows this much less.
COUNT_EVERY_S = 5.0
FORGET_EVERY_S = 3600.0
HEALTH_LOOK_S = 0.5
STOP_S_MAX = 5.0  # For answers that are awaited: an attempt without one is made again.


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherConfig:
    """`instance` is this dispatcher's stable name in its group. The state in `state_dir` may be lost: it is rebuilt.
    `delays_s` are the waits before each attempt; an endpoint that fails for `disable_after_s` is disabled."""

    bootstrap: str
    partitions: int
    keyring: Keyring = field(repr=False)
    state_dir: Path
    allow_private: bool = False
    delays_s: Sequence[float] = DELAYS_S
    disable_after_s: float = 5 * 24 * 3600.0
    clock_file: Path | None = None
    instance: str = "webhooks-0"
    health_host: str = "127.0.0.1"
    health_port: int = 0


class DispatcherFailed(Exception):
    """A part of the dispatcher can no longer work; the process ends and is restarted."""


def run(config: DispatcherConfig) -> None:
    """Work until SIGTERM or SIGINT; exits non-zero when a part fails."""
    uvloop.run(_run(config))


async def _run(config: DispatcherConfig) -> None:
    await asyncio.to_thread(require_partitions, config.bootstrap, config.partitions)
    identity = await asyncio.to_thread(log_identity, config.bootstrap, PAYMENT_EVENTS.name)
    pending = Pending(config.state_dir / "pending_deliveries.sqlite")
    if not pending.adopt(identity):
        log.warning("state_of_another_log_dropped", state_dir=str(config.state_dir))
    producer = LogProducer(
        config.bootstrap, client_id=config.instance, delivery_timeout_s=DELIVERY_S_MAX, linger_ms=LINGER_MS
    )
    dispatcher = Dispatcher(config, pending=pending, producer=producer, clock=clock_of(config.clock_file))
    health = HealthServer(config.health_port, dispatcher.readiness, host=config.health_host).start()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        await dispatcher.work(stopping)
    finally:
        health.stop()
        await asyncio.to_thread(producer.close)


class Dispatcher:
    """The parts of one dispatcher, and what the reader of events tells it (`kafka_log.group_reader.Reading`)."""

    def __init__(
        self,
        config: DispatcherConfig,
        *,
        pending: Pending,
        producer: LogProducer,
        clock: Clock,
        resolver: AbstractResolver | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._producer = producer
        self._clock = clock
        self._store = Store(pending)
        self._assigned: set[int] = set()
        self._live: set[int] = set()
        self._has_joined = False
        self._read = 0  # Records, on the way to being ready.
        self._endpoints = Endpoints(config.keyring, self._changed, self._heard)
        self._fold = follow_endpoints(config, self._endpoints)
        schedule = Schedule(delays_s=config.delays_s)
        self._taker = Taker(pending, self._endpoints, schedule, clock)
        self._resolver = resolver or NameResolver()
        self._poster = Poster(open_connector(self._resolver, _anywhere if config.allow_private else is_public))
        self._recorder = Recorder(producer.send_all, self._apply, self._live)
        desk = DeliveryDesk(
            endpoints=self._endpoints,
            store=self._store,
            poster=self._poster,
            recorder=self._recorder,
            disabler=Disabler(self._endpoints, producer.send_all, clock),
            schedule=schedule,
            clock=clock,
            live=self._live,
            disable_after_s=config.disable_after_s,
        )
        self._lanes = Lanes(desk)
        self._no_more_reading = threading.Event()
        deliveries = DeliveryLog(
            config.bootstrap, client_id=f"{config.instance}-deliveries", stopping=self._no_more_reading
        )
        self._arrivals = Arrivals(deliveries, self._store, self._go_live)
        self._notices = Notices(
            self._endpoints,
            self._store,
            clock,
            live=self._live,
            wake=self._lanes.wake,
            catch_up=self._know_endpoints,
        )
        self._replays = Replays(
            LogReader(config.bootstrap, client_id=f"{config.instance}-requests"),
            deliveries,
            self._endpoints,
            self._store,
            live=self._live,
            wake=self._lanes.wake,
            catch_up=self._know_endpoints,
            system_us=clock.system_us,
        )
        self._reader = GroupReader(
            config.bootstrap, self, topic=PAYMENT_EVENTS.name, group=GROUP, instance=config.instance, loop=loop
        )

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Say whether it works on all that it was given; endpoints' state is not ours, so it is not in this."""
        live = len(self._live)
        is_ready = self._has_joined and self._fold.ready and live == len(self._assigned)
        details = {"partitions": len(self._assigned), "live": live}
        return is_ready, details | {"progress": self._fold.progress + self._read}

    async def work(self, stopping: asyncio.Event) -> None:
        """Do everything until `stopping`; finish what is in flight, and let go. Raises when a part fails."""
        self._fold.start()
        try:
            if await self._knows_endpoints(stopping):
                await self._work(stopping)
        finally:
            await self._let_go()
        log.info("dispatcher_stopped")

    async def _work(self, stopping: asyncio.Event) -> None:
        self._reader.start()
        recording = asyncio.create_task(self._recorder.work())
        parts = [
            self._arrivals.work(),
            self._replays.work(),
            self._notices.work(),
            self._tell_often(),
            self._count_often(),
            self._forget_often(),
            self._watch(),
        ]
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(part) for part in parts]
        asked = asyncio.create_task(stopping.wait())
        try:
            ends: list[asyncio.Future[Any]] = [asked, self._reader.ended, self._lanes.failed, recording, *tasks]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            _raise_first(ends)
        finally:
            self._reader.stop()
            self._no_more_reading.set()
            await self._lanes.stop(STOP_S_MAX)
            await asyncio.gather(self._reader.ended, return_exceptions=True)
            for task in [asked, recording, *tasks]:
                task.cancel()
            await asyncio.gather(asked, recording, *tasks, return_exceptions=True)

    async def _let_go(self) -> None:
        await self._replays.close()
        await self._poster.close()
        await self._resolver.close()
        await asyncio.to_thread(self._fold.stop)
        await self._store.close()

    async def _knows_endpoints(self, stopping: asyncio.Event) -> bool:
        """Wait for the directory, since without it nobody is known who is to be told."""
        while not stopping.is_set():
            if self._fold.failed is not None:
                raise DispatcherFailed("the directory cannot be read") from self._fold.failed
            if await asyncio.to_thread(self._fold.wait_ready, 0.5):
                return True
        return False

    # What the reader tells. It waits for each of these, so none may take long.

    async def assigned(self, told: Mapping[int, Told | None]) -> Mapping[int, int]:
        offsets = {}
        # Before they are begun: what is assigned is not forgotten any more.
        self._assigned.update(told)
        for partition, each in told.items():
            otherwise = place_told(each)
            offsets[partition] = await self._store.do(partial(_begin, partition=partition, otherwise=otherwise))
        self._has_joined = True
        metrics.PARTITIONS.set(len(self._assigned))
        log.info("partitions_assigned", offsets=offsets)
        return offsets

    async def revoked(self, partitions: Sequence[int]) -> None:
        log.info("partitions_revoked", partitions=list(partitions))
        for partition in partitions:
            self._arrivals.went(partition)
        self._live.difference_update(partitions)
        self._assigned.difference_update(partitions)
        metrics.PARTITIONS.set(len(self._assigned))

    async def read(self, messages: Sequence[Message]) -> None:
        # An endpoint that was there before an event is told of it: whoever was told 201 may pay at once.
        if not await self._know_endpoints():
            return
        # What was fetched before its partition went is for whoever has that now.
        ours = [message for message in messages if message.partition() in self._assigned]
        told = await self._store.do(lambda _: self._taker.take(ours))
        self._read += len(messages)
        metrics.RECORDS.inc(len(messages))
        self._lanes.wake(told)

    async def _know_endpoints(self) -> bool:
        """Know them as they were when this was called, or later; False: it is to end, and nothing more may be taken."""
        while not await asyncio.to_thread(self._fold.catch_up, CATCH_UP_S_MAX):
            if self._fold.failed is not None:
                raise DispatcherFailed("the directory cannot be read") from self._fold.failed
            if self._no_more_reading.is_set():
                break
        # Also when it is known by now: what was read before it may have been left.
        return not self._no_more_reading.is_set()

    async def caught_up(self, partition: int) -> None:
        if partition in self._assigned and partition not in self._live:
            # Before the attempts of these are read, as those of events.
            await self._notices.take([partition])
            self._arrivals.came(partition)

    async def gone(self, partition: int) -> None:
        self._arrivals.went(partition)
        self._live.discard(partition)
        await self._store.do(lambda pending: pending.forget(partition))
        await self._store.do(partial(_begin, partition=partition, otherwise=Place(next_event=0)))

    async def _go_live(self, partition: int) -> None:
        self._replays.partition_came(partition)
        self._live.add(partition)
        self._lanes.wake(await self._store.do(Pending.endpoints_waiting))
        self._notices.partition_came()
        log.info("partition_live", partition=partition)

    # What goes on beside.

    async def _apply(self, made: Sequence[Made], next_deliveries: Mapping[int, int]) -> None:
        await self._store.do(lambda pending: pending.record(made, next_deliveries))

    async def _tell_often(self) -> None:
        """Tell the group from where on the state can be rebuilt."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            now_us = self._clock.system_us()
            for partition in sorted(self._live):
                place = await self._store.do(partial(Pending.rebuilt_from, partition=partition, now_us=now_us))
                if place is not None:
                    self._reader.tell({partition: told_of(place)})

    async def _count_often(self) -> None:
        while True:
            live, waiting = sorted(self._live), self._lanes.endpoint_ids
            metrics.DUE.set(await self._store.do(partial(Pending.count, partitions=live)))
            oldest_us = await self._store.do(partial(Pending.oldest_at_us, endpoint_ids=waiting))
            late_us = 0 if oldest_us is None else self._clock.system_us() - oldest_us
            metrics.OLDEST_DUE_S.set(max(0, late_us) / SECOND_US)
            await asyncio.sleep(COUNT_EVERY_S)

    async def _forget_often(self) -> None:
        while True:
            await asyncio.sleep(FORGET_EVERY_S)
            for partition in sorted(self._live):
                now_us = self._clock.system_us()
                await self._store.do(partial(Pending.forget_long_ago, partition=partition, now_us=now_us))
            await self._forget_others()

    async def _forget_others(self) -> None:
        """Drop the state of partitions that others have: their backlog would be looked through for nothing."""
        for partition in await self._store.do(Pending.partitions):
            forget = partial(Pending.forget_some, partition=partition, most=FORGET_AT_ONCE_MAX)
            while partition not in self._assigned and await self._store.do(forget) > 0:
                pass

    async def _watch(self) -> None:
        """End when something that works in a thread of its own can no longer."""
        while True:
            await asyncio.sleep(HEALTH_LOOK_S)
            for part, failure in (("directory", self._fold.failed), ("producer", self._producer.failed)):
                if failure is not None:
                    raise DispatcherFailed(part) from failure

    def _changed(self, endpoint_id: str) -> None:
        """Called in the fold's thread."""
        if self._fold.ready:
            # It is another now: since when it failed before says nothing of it.
            self._store.do_blocking(lambda pending: pending.forget_failures(endpoint_id))
        self._loop.call_soon_threadsafe(self._lanes.changed, endpoint_id)

    def _heard(self, record: DirectoryRecord, partition: int, offset: int) -> None:
        """Called in the fold's thread."""
        notice = notice_of(record, partition=partition, offset=offset)
        if notice is not None:
            self._loop.call_soon_threadsafe(self._notices.hear, notice)


def follow_endpoints(config: DispatcherConfig, endpoints: Endpoints) -> LogFold:
    """Return the fold (not started) that keeps the endpoints up to date."""
    topics = [DIRECTORY_EVENTS.name, DIRECTORY_SECRETS.name]
    return LogFold(config.bootstrap, topics, endpoints.apply, client_id=f"{config.instance}-directory")


def _begin(pending: Pending, *, partition: int, otherwise: Place) -> int:
    """Return where a partition's events are read on: where its state says, or `otherwise`."""
    place = pending.place(partition)
    if place is None:
        pending.begin(partition, otherwise)
        place = otherwise
    return place.next_event


def _anywhere(_: object) -> bool:
    return True


def _raise_first(futures: Sequence[asyncio.Future[Any]]) -> None:
    for future in futures:
        if future.done() and (error := future.exception()) is not None:
            log.error("dispatcher_failed", exc_info=error)
            raise DispatcherFailed(str(error)) from error
