"""Appending to the log: a record counts as written when the broker has said so, and a call has a bound."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec import Struct

from kafka_log.connection import LIBRDKAFKA_LOG, producer_settings

log = structlog.get_logger()

# Nothing may be sent after a call has given up. librdkafka counts a record's time-out from when it was handed over, and
# looks for overdue ones once a second: so a call's time is divided into handing over, the time-out, and that second.
TIMEOUT_SCAN_S = 1.1
# Of what is left besides the scan: enough to wait for room in a queue that moves.
HAND_OVER_SHARE = 0.2
DELIVERY_TIMEOUT_S_MIN = 1.5
# librdkafka's own limit is 1,000,000 bytes of value, key and headers.
RECORD_BYTES_MAX = 990_000
QUEUE_RECORDS_MAX = 200_000
QUEUE_KIBIBYTES_MAX = 256 * 1024
QUEUE_FULL_PAUSE_S = 0.005
# How many records are handed over before other tasks of the event loop get a turn (about 2 us each).
RECORDS_A_TURN_MAX = 500
POLL_S = 0.2


class LogUnavailable(Exception):
    """The log did not take the records in time, and this call will not send them later: the outcome is unknown.

    `positions` has one item a record: where it stands, or None when nobody can say whether it was written.
    """

    def __init__(self, detail: str, positions: tuple[Position | None, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.positions = positions


class RecordTooLarge(ValueError):
    """A record above the client's limit: nothing of its call was sent."""


class OutRecord(Struct, frozen=True, kw_only=True):
    """A record to append. Without a partition, murmur2 of the key decides; a value of None is a tombstone."""

    topic: str
    key: str
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


class Position(Struct, frozen=True, kw_only=True):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class LogProducer:
    """Appends records from any thread or event loop; one background thread hears what the broker says of them.

    A call returns when every record of it is acknowledged by all replicas, or raises LogUnavailable at most
    `delivery_timeout_s` (at least 1.5) later. `failed` is set when the client can no longer work at all: then its owner
    should end.
    """

    def __init__(self, bootstrap: str, *, client_id: str, delivery_timeout_s: float, linger_ms: float = 5) -> None:
        if delivery_timeout_s < DELIVERY_TIMEOUT_S_MIN:
            raise ValueError(f"delivery_timeout_s must be at least {DELIVERY_TIMEOUT_S_MIN}")
        settings = producer_settings(bootstrap, client_id, linger_ms=linger_ms) | {
            "message.timeout.ms": int((delivery_timeout_s - TIMEOUT_SCAN_S) * (1 - HAND_OVER_SHARE) * 1000),
            "queue.buffering.max.messages": QUEUE_RECORDS_MAX,
            "queue.buffering.max.kbytes": QUEUE_KIBIBYTES_MAX,
        }
        self.failed: BaseException | None = None
        self._delivery_timeout_s = delivery_timeout_s
        self._hand_over_s_max = (delivery_timeout_s - TIMEOUT_SCAN_S) * HAND_OVER_SHARE
        self._producer = Producer(settings, logger=LIBRDKAFKA_LOG, error_cb=self._on_error)
        self._closing = threading.Event()
        self._wake_ups: WeakKeyDictionary[asyncio.AbstractEventLoop, _WakeUp] = WeakKeyDictionary()
        self._thread = threading.Thread(target=self._hear, name=f"{client_id}-deliveries", daemon=True)
        self._thread.start()

    async def send(self, record: OutRecord) -> Position:
        """Append one record and return where it stands."""
        return (await self.send_all((record,)))[0]

    async def send_all(self, records: Sequence[OutRecord]) -> list[Position]:
        """Append records and return where each stands. Those of one partition stay in order; they are no unit."""
        deadline = time.monotonic() + self._delivery_timeout_s
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        wake_up = self._wake_ups.setdefault(loop, _WakeUp(loop))
        batch = _Batch(len(records), partial(wake_up.finished, future))
        for pause_s in self._hand_over(batch, records):
            await asyncio.sleep(pause_s)
        if not batch.is_finished:
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await future
            except TimeoutError:
                raise LogUnavailable("Kafka did not answer in time", batch.positions) from None
        return batch.result()

    def send_all_blocking(self, records: Sequence[OutRecord]) -> list[Position]:
        """Do what `send_all` does, for callers without an event loop."""
        deadline = time.monotonic() + self._delivery_timeout_s
        finished = threading.Event()
        batch = _Batch(len(records), finished.set)
        for pause_s in self._hand_over(batch, records):
            time.sleep(pause_s)
        if not batch.is_finished and not finished.wait(deadline - time.monotonic()):
            raise LogUnavailable("Kafka did not answer in time", batch.positions)
        return batch.result()

    def close(self, timeout_s: float = 5.0) -> None:
        """Wait for what was handed over, at most `timeout_s`, give the rest up, and end the thread."""
        self._closing.set()
        if self._producer.flush(timeout_s):
            self._producer.purge()
            self._producer.flush(1.0)
        self._thread.join()

    def _hand_over(self, batch: _Batch, records: Sequence[OutRecord]) -> Iterator[float]:
        """Give the records to librdkafka, yielding how long to pause; what it has not taken in time is given up."""
        deadline = time.monotonic() + self._hand_over_s_max
        for record in records:
            if len(record.key) + len(record.value or b"") > RECORD_BYTES_MAX:
                raise RecordTooLarge(f"{len(record.value or b'')} bytes for {record.topic}")
        for index, record in enumerate(records):
            why_not: str | None = "handing over took too long"
            while time.monotonic() < deadline:
                why_not = self._produce(record, partial(batch.hear, index))
                if why_not is None or self.failed is not None or self._closing.is_set():
                    break
                yield QUEUE_FULL_PAUSE_S
            if why_not is not None:
                batch.give_up_from(index, why_not)
                return
            if index % RECORDS_A_TURN_MAX == RECORDS_A_TURN_MAX - 1:
                yield 0.0

    def _produce(self, record: OutRecord, heard: Callable[[KafkaError | None, Message], None]) -> str | None:
        """Give one record to librdkafka, or return why it was not taken."""
        if self._closing.is_set():
            return "the producer is closed"
        optional: dict[str, Any] = {} if record.partition is None else {"partition": record.partition}
        if record.headers:
            optional["headers"] = list(record.headers)
        try:
            self._producer.produce(record.topic, key=record.key, value=record.value, on_delivery=heard, **optional)
        except BufferError:
            return "Kafka cannot be reached and the queue to it is full"
        except KafkaException as error:
            return str(error.args[0])
        return None

    def _hear(self) -> None:
        try:
            while not self._closing.is_set():
                self._producer.poll(POLL_S)
        except Exception as error:
            self.failed = error
            log.exception("log_producer_failed")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self.failed = KafkaException(error)
            log.error("log_producer_failed", error=str(error))


class _Batch:
    """The records of one call: counts what the broker says of them, and calls `finished` after the last."""

    def __init__(self, size: int, finished: Callable[[], None]) -> None:
        self._positions: list[Position | None] = [None] * size
        self._open = size
        self._lock = threading.Lock()
        self._finished = finished
        self._error = "not delivered"

    @property
    def is_finished(self) -> bool:
        return self._open == 0

    @property
    def positions(self) -> tuple[Position | None, ...]:
        return tuple(self._positions)

    def hear(self, index: int, error: KafkaError | None, message: Message) -> None:
        if error is None:
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None
            assert partition is not None
            assert offset is not None
            self._positions[index] = Position(topic=topic, partition=partition, offset=offset)
        else:
            self._error = error.str()
        self._close(1)

    def give_up_from(self, index: int, why: str) -> None:
        """Count the records from `index` on, which were not handed over, as not delivered."""
        self._error = why
        self._close(len(self._positions) - index)

    def result(self) -> list[Position]:
        found = [position for position in self._positions if position is not None]
        if len(found) < len(self._positions):
            raise LogUnavailable(self._error, self.positions)
        return found

    def _close(self, count: int) -> None:
        with self._lock:
            self._open -= count
            is_finished = self._open == 0
        if is_finished:
            self._finished()


class _WakeUp:
    """Tells an event loop which calls are finished: many at one wake-up, since each costs a write to a socket."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call_soon = loop.call_soon_threadsafe
        self._lock = threading.Lock()
        self._futures: list[asyncio.Future[None]] = []

    def finished(self, future: asyncio.Future[None]) -> None:
        with self._lock:
            self._futures.append(future)
            is_first = len(self._futures) == 1
        if is_first:
            try:
                self._call_soon(self._resolve)
            except RuntimeError:
                # The loop has ended, and with it everybody who waited.
                with self._lock:
                    self._futures.clear()

    def _resolve(self) -> None:
        with self._lock:
            futures, self._futures = self._futures, []
        for future in futures:
            if not future.done():
                future.set_result(None)
