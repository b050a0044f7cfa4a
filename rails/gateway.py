"""The gateway: reads payments, claims what is due, hands it to the bank once, and reports what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
import uvloop
from confluent_kafka import Message

from business_clock import Clock, SystemClock, clock_of
from directory.register import Register
from directory.sealing import Keyring
from kafka_log.fold import LogFold
from kafka_log.group_reader import GroupReader, Told
from kafka_log.identity import log_identity
from kafka_log.producer import LogProducer
from kafka_log.topics_admin import require_partitions
from observability.collector import let_collector_rest
from observability.health import HealthServer
from payments.payment import Payment
from rails import metrics
from rails.accounts import follow_directory
from rails.agenda import By
from rails.bank import Bank
from rails.bank_desk import BankDesk
from rails.claim_desk import ClaimDesk
from rails.hand import HORIZON_US, Hand
from rails.open_payments import OpenPayments
from rails.outcome_reader import OutcomeReader
from rails.payment_records import PaymentRecords
from rails.reporter import Reporter
from rails.routed_bank import RoutedBank
from rails.simulated.connection import SimulatedBankConnection
from schemas import codec
from schemas.topics import PAYMENT_EVENTS

log = structlog.get_logger(__name__)

T = TypeVar("T")

GROUP = "directpay-gateway"
DELIVERY_S_MAX = 10.0
LINGER_MS = 2.0
SAVE_EVERY_S = 1.0  # What a crash costs: this much is read again.
REFILL_EVERY_S = 2.0
REFILL_MAX = 5000  # Of one round: about a tenth of a second of decoding.
HEALTH_LOOK_S = 0.5
# A worker each waits for an answer while others go on: one that gets none in time holds its worker for seconds.
CLAIM_WORKERS = 4
SUBMIT_WORKERS = 16
ASK_WORKERS = 4
FEED_PARTITION = 0  # Whoever has it reads the bank's feed.

assert REFILL_EVERY_S * 1_000_000 * 2 < HORIZON_US, "a payment must be in hand before it is due"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """`instance` is this gateway's stable name in its group. The state in `state_dir` may be lost: it is rebuilt.
    `clock_file` may set the business clock. `ach_url` is the originator of ACH files; None: ACH goes to the bank."""

    bootstrap: str
    partitions: int
    bank_url: str
    ach_url: str | None = None
    keyring: Keyring = field(repr=False)
    state_dir: Path
    clock_file: Path | None = None
    instance: str = "rails-0"
    health_host: str = "127.0.0.1"
    health_port: int = 0


class GatewayFailed(Exception):
    """A part of the gateway can no longer work; the process ends and is restarted."""


def run(config: GatewayConfig) -> None:
    """Work until SIGTERM or SIGINT; exits non-zero when a part fails."""
    let_collector_rest()
    uvloop.run(_run(config))


async def _run(config: GatewayConfig) -> None:
    await asyncio.to_thread(require_partitions, config.bootstrap, config.partitions)
    identity = await asyncio.to_thread(log_identity, config.bootstrap, PAYMENT_EVENTS.name)
    store = OpenPayments(config.state_dir / "open_payments.sqlite")
    if not store.adopt(identity):
        log.warning("state_of_another_log_dropped", state_dir=str(config.state_dir))
    lines = [SimulatedBankConnection(url) for url in (config.bank_url, config.ach_url) if url is not None]
    bank = lines[0] if len(lines) == 1 else RoutedBank(other=lines[0], ach=lines[1])
    producer = LogProducer(
        config.bootstrap, client_id=config.instance, delivery_timeout_s=DELIVERY_S_MAX, linger_ms=LINGER_MS
    )
    register, fold = follow_directory(config.bootstrap, client_id=f"{config.instance}-directory")
    clock = clock_of(config.clock_file)
    gateway = Gateway(config, store=store, bank=bank, producer=producer, register=register, fold=fold, clock=clock)
    health = HealthServer(config.health_port, gateway.readiness, host=config.health_host).start()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        await gateway.work(stopping)
    finally:
        health.stop()
        for line in lines:
            await line.close()
        await asyncio.to_thread(producer.close)
        await asyncio.to_thread(fold.stop)


class Gateway:
    """The parts of one gateway, and what the reader of payments tells it (`kafka_log.group_reader.Reading`)."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        store: OpenPayments,
        bank: Bank,
        producer: LogProducer,
        register: Register,
        fold: LogFold,
        clock: Clock | None = None,
    ) -> None:
        self._config = config
        self._store = store
        self._store_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="open-payments")
        self._saving = asyncio.Lock()
        self._producer = producer
        self._fold = fold
        self._clock = clock or SystemClock()
        self._hand = Hand(self._clock)
        reporter = Reporter(producer)
        self._claims = ClaimDesk(self._hand, register, reporter, catch_up=fold.catch_up, clock=self._clock)
        self._bank = BankDesk(self._hand, bank, register, config.keyring, reporter, clock=self._clock)
        self._outcomes = OutcomeReader(
            bank, reporter, reported=self._bank.reported, reported_until=self._hand.reported_until
        )
        self._assigned: set[int] = set()
        self._has_joined = False
        self._read = 0  # Records, on the way to being ready.
        self._refill_now = asyncio.Event()
        self._records = PaymentRecords()
        # What the group was told of the partitions that are ours.
        self._told: dict[int, Told | None] = {}
        self._reader = GroupReader(
            config.bootstrap,
            self,
            topic=PAYMENT_EVENTS.name,
            group=GROUP,
            instance=config.instance,
            loop=asyncio.get_running_loop(),
        )

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Say whether it works on all that it was given; the bank's state is not ours, so it is not in this."""
        live = self._hand.live_count
        is_ready = self._has_joined and self._fold.ready and live == len(self._assigned)
        details = {"partitions": len(self._assigned), "live": live, "in_hand": len(self._hand)}
        return is_ready, details | {"progress": self._fold.progress + self._read}

    async def work(self, stopping: asyncio.Event) -> None:
        """Do everything until `stopping`; save, and let go. Raises when a part fails."""
        self._fold.start()
        if not await self._restored(stopping):
            return
        self._reader.start()
        parts = [
            self._save_often(),
            self._refill_often(),
            self._watch(),
            self._clock.watch(self._clock_was_set),
            self._outcomes.work(),
            *(self._claims.work() for _ in range(CLAIM_WORKERS)),
            *(self._bank.work_on_submits() for _ in range(SUBMIT_WORKERS)),
            *(self._bank.work_on_questions() for _ in range(ASK_WORKERS)),
        ]
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(part) for part in parts]
        asked = asyncio.create_task(stopping.wait())
        try:
            ends: list[asyncio.Future[Any]] = [asked, self._reader.ended, *tasks]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            _raise_first([self._reader.ended, *tasks])
        finally:
            self._reader.stop()
            await asyncio.gather(self._reader.ended, return_exceptions=True)
            for task in [asked, *tasks]:
                task.cancel()
            await asyncio.gather(asked, *tasks, return_exceptions=True)
        await self._save()
        await self._in_store(self._store.close)
        log.info("gateway_stopped")

    async def _restored(self, stopping: asyncio.Event) -> bool:
        """Wait for the directory, since nothing can be judged without it."""
        while not stopping.is_set():
            if self._fold.failed is not None:
                raise GatewayFailed("the directory cannot be read") from self._fold.failed
            if await asyncio.to_thread(self._fold.wait_ready, 0.5):
                return True
        return False

    # What the reader tells. It waits for each of these, so none may take long.

    async def assigned(self, told: Mapping[int, Told | None]) -> Mapping[int, int]:
        await self._save()
        # Our own, not the group's: those are for whoever watches the lag.
        offsets = {each: await self._in_store(partial(self._store.begin, each)) for each in told}
        self._assigned.update(told)
        self._told.update(told)
        self._has_joined = True
        metrics.PARTITIONS.set(len(self._assigned))
        log.info("partitions_assigned", offsets=offsets)
        if FEED_PARTITION in self._assigned:
            # The group's is never older by more than a second, and knows what others have read since we had the feed.
            kept: str = await self._in_store(self._store.feed_cursor)
            self._outcomes.start(self._told_cursor() or kept)
        return offsets

    async def revoked(self, partitions: Sequence[int]) -> None:
        log.info("partitions_revoked", partitions=list(partitions))
        self._assigned.difference_update(partitions)
        metrics.PARTITIONS.set(len(self._assigned))
        if FEED_PARTITION not in self._assigned:
            self._outcomes.stop()
        self._hand.drop(partitions)
        await self._save()
        for partition in partitions:
            self._told.pop(partition, None)

    async def read(self, messages: Sequence[Message]) -> None:
        metrics.RECORDS.inc(len(messages))
        records = await asyncio.to_thread(self._records.seen, messages)
        self._read += sum(1 for record in records if record.partition not in self._hand.live)
        for record in records:
            self._hand.note(record)
        if self._hand.changed_much.is_set():
            await self._save()

    async def caught_up(self, partition: int) -> None:
        if partition in self._hand.live or partition not in self._assigned:
            return
        await self._save()
        self._hand.go_live(partition)
        self._refill_now.set()
        log.info("partition_live", partition=partition)

    async def gone(self, partition: int) -> None:
        self._hand.drop([partition])
        await self._save()
        await self._in_store(lambda: self._store.forget(partition))

    # The store: one thread, one thing at a time.

    async def _save_often(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            await self._save()

    async def _save(self) -> None:
        async with self._saving:
            changes = self._hand.take_changes()
            started_s = time.monotonic()
            await self._in_store(lambda: self._store.save(changes))
            metrics.SAVE_S.set(time.monotonic() - started_s)
            metrics.IN_HAND.set(len(self._hand))
            metrics.UNCLEAR.set(self._hand.unclear)
            self._tell(changes.next_offsets, changes.feed_cursor)

    def _told_cursor(self) -> str:
        told = self._told.get(FEED_PARTITION)
        return "" if told is None else told.note

    def _tell(self, next_offsets: Mapping[int, int], feed_cursor: str | None) -> None:
        """Tell the group how far the state is saved, and whoever will have lost it where to read the feed from."""
        told = {each: Told(offset=offset) for each, offset in next_offsets.items()}
        feed = told.get(FEED_PARTITION) or self._told.get(FEED_PARTITION)
        if feed is not None and (feed_cursor is not None or FEED_PARTITION in told):
            # An offset that is told without it would take it away.
            told[FEED_PARTITION] = Told(offset=feed.offset, note=feed_cursor or self._told_cursor())
        self._told.update(told)
        self._reader.tell(told)

    async def _refill_often(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._refill_now.wait(), REFILL_EVERY_S)
            self._refill_now.clear()
            if await self._refill():
                self._refill_now.set()

    async def _refill(self) -> bool:
        """Take in hand what is to be acted on soon; return whether there may be more of it."""
        # Saved first: what is in hand must not be found again.
        await self._save()
        live, most = self._hand.live, min(REFILL_MAX, self._hand.room)
        if not live or not most:
            return False
        until_us, machine_until_us = self._hand.horizon_us(By.BUSINESS), self._hand.horizon_us(By.MACHINE)
        look = partial(self._store.to_act_on, live, until_us=until_us, machine_until_us=machine_until_us, most=most)
        found = await self._in_store(look)
        for kept in found:
            payment = codec.decode(kept.value)
            assert isinstance(payment, Payment), "nothing else was kept"
            self._hand.load(kept, payment)
        return len(found) == most

    def _clock_was_set(self) -> None:
        """Do at once what has become due, in hand and in the store."""
        self._hand.clock_was_set()
        self._refill_now.set()

    async def _watch(self) -> None:
        """End when something that works in a thread of its own can no longer."""
        while True:
            await asyncio.sleep(HEALTH_LOOK_S)
            for part, failure in (("directory", self._fold.failed), ("producer", self._producer.failed)):
                if failure is not None:
                    raise GatewayFailed(part) from failure

    async def _in_store(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._store_thread, work)


def _raise_first(futures: Sequence[asyncio.Future[Any]]) -> None:
    for future in futures:
        if future.done() and (error := future.exception()) is not None:
            log.error("gateway_failed", exc_info=error)
            raise GatewayFailed(str(error)) from error
