"""Reads payment-events for the gateway: a member of its group, each partition from the gateway's own offset."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from kafka_log.connection import LIBRDKAFKA_LOG, OFFSET_NOT_THERE, PARTITION_EOF, consumer_settings, is_fatal
from payments.payment import Payment
from rails import metrics
from rails.hand import OPEN, Seen
from schemas import codec
from schemas.payment_memory import PaymentMemory
from schemas.topics import PAYMENT_EVENTS

log = structlog.get_logger(__name__)

GROUP = "directpay-gateway"
RECORDS_MAX = 1000  # Of one batch: some ten milliseconds of decoding.
POLL_S = 0.2
NOTES_S_MAX = 10.0
# The stream app commits every few milliseconds, and what is read together goes to Kafka and the bank together. So the
# broker gathers so much before it answers, or for FETCH_WAIT_MS_MAX: it and this reader have an answer each to do, not
# one a commit. A payment waits so twice, half of that time on the average; the fastest rail takes a second.
GATHERED_BYTES = 1024 * 1024
REST_OF_AN_ANSWER_S = 0.005  # One answer's partitions come one after the other.
# Between its pending and its processing record a payment is remembered, if no more others came meanwhile: some 10 MB.
PAYMENTS_REMEMBERED_MAX = 4096
# A gateway that was killed keeps its partitions this long, unless it returns under its name, which is what it does.
SESSION_TIMEOUT_MS = 10_000

_STATUS_HEADER = "directpay_status"
_OPEN = {status.value.encode() for status in OPEN}

T = TypeVar("T")


class Reading(Protocol):
    """What the reader tells, one call after the other, in the event loop; it reads on when the call has returned."""

    async def assigned(self, partitions: Sequence[int], notes: Mapping[int, str]) -> Mapping[int, int | None]:
        """Take partitions up and return from which offset to read each; None: from its start.

        `notes` are what was last `saved` with them, by whichever gateway had them.
        """
        ...

    async def revoked(self, partitions: Sequence[int]) -> None: ...

    async def seen(self, records: Sequence[Seen]) -> None: ...

    async def caught_up(self, partition: int) -> None:
        """All that was committed has been read; records from now on are news."""
        ...

    async def gone(self, partition: int) -> None:
        """The log does not hold what would come next: it is another log. The partition is read from its start."""
        ...


class PaymentReader:
    """A thread that reads. `instance` is this gateway's stable name: a restart under it takes its partitions back."""

    def __init__(self, bootstrap: str, reading: Reading, *, instance: str, loop: asyncio.AbstractEventLoop) -> None:
        settings = consumer_settings(bootstrap, instance, GROUP, isolation="read_committed") | {
            "group.instance.id": instance,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "queued.max.messages.kbytes": 16 * 1024,
            "fetch.min.bytes": GATHERED_BYTES,
        }
        self._consumer = Consumer(settings, logger=LIBRDKAFKA_LOG, error_cb=self._on_error)
        self._reading = reading
        self._memory = PaymentMemory(PAYMENTS_REMEMBERED_MAX)
        self._loop = loop
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="payment-reader", daemon=True)
        # The end comes behind every record that is the last just then: of those that are told, no more is told of it.
        self._caught_up: set[int] = set()
        self._saved: dict[int, int] = {}
        self._notes: dict[int, str] = {}
        self._untold: set[int] = set()
        self._saved_lock = threading.Lock()  # Of the three above.
        # Resolved when the thread ends; with its exception when it could not go on.
        self.ended: asyncio.Future[None] = loop.create_future()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; `ended` tells when it has."""
        self._stopping.set()

    def saved(self, next_offsets: Mapping[int, int], notes: Mapping[int, str]) -> None:
        """Tell the group how far the state is saved, and a note for each partition that has one.

        The offsets are for those who watch the lag: we start from our own. The notes are for who has lost its state.
        """
        with self._saved_lock:
            self._saved.update(next_offsets)
            self._notes.update(notes)
            self._untold.update(next_offsets, notes)

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            self._consumer.subscribe(
                [PAYMENT_EVENTS.name], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )
            while not self._stopping.is_set():
                self._hand_over(self._read())
                self._commit()
        except Exception as error:
            failure = error
        finally:
            self._stopping.set()
            self._consumer.close()
            self._loop.call_soon_threadsafe(self._end, failure)

    def _end(self, failure: BaseException | None) -> None:
        if self.ended.done():
            return
        if failure is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(failure)

    def _read(self) -> list[Message]:
        first = self._consumer.poll(POLL_S)
        return [] if first is None else [first, *self._consumer.consume(RECORDS_MAX - 1, REST_OF_AN_ANSWER_S)]

    def _hand_over(self, messages: Sequence[Message]) -> None:
        metrics.RECORDS.inc(sum(1 for message in messages if message.error() is None))
        records: list[Seen] = []
        # A payment's newer record says all that an older one did: reading a long log again, that is most of them.
        newest = {message.key(): message for message in messages if message.error() is None}
        for message in messages:
            error = message.error()
            if error is None:
                is_newest = newest[message.key()] is message
                records.append(_seen(message, self._memory) if is_newest else _passed_over(message))
                continue
            if error.code() == PARTITION_EOF and message.partition() in self._caught_up:
                continue
            # What was read before the end was reached is told first.
            records = self._tell(records)
            self._hear(error, message)
        self._tell(records)

    def _tell(self, records: list[Seen]) -> list[Seen]:
        if records:
            self._call(self._reading.seen(records))
        return []

    def _hear(self, error: KafkaError, message: Message) -> None:
        partition = message.partition()
        if error.code() == PARTITION_EOF:
            assert partition is not None
            self._call(self._reading.caught_up(partition))
            self._caught_up.add(partition)
        elif error.code() == OFFSET_NOT_THERE:
            assert partition is not None
            log.warning("payment_events_start_over", partition=partition, error=error.str())
            self._call(self._reading.gone(partition))
            self._caught_up.discard(partition)
            start = [TopicPartition(PAYMENT_EVENTS.name, partition, OFFSET_BEGINNING)]
            # A partition in this state cannot be sought in, only be given anew.
            self._consumer.incremental_unassign(start)
            self._consumer.incremental_assign(start)
        elif is_fatal(error):
            raise KafkaException(error)
        else:
            log.warning("payment_events_not_read", error=error.str())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._caught_up.difference_update(each.partition for each in partitions)
        notes = self._noted(consumer, partitions)
        offsets = self._call(self._reading.assigned([each.partition for each in partitions], notes))
        consumer.incremental_assign(
            [
                TopicPartition(PAYMENT_EVENTS.name, partition, OFFSET_BEGINNING if offset is None else offset)
                for partition, offset in offsets.items()
            ]
        )

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not self._stopping.is_set():
            self._call(self._reading.revoked([each.partition for each in partitions]))
            self._commit()
        with self._saved_lock:
            for each in partitions:
                self._saved.pop(each.partition, None)
                self._notes.pop(each.partition, None)
        consumer.incremental_unassign(partitions)

    def _noted(self, consumer: Consumer, partitions: list[TopicPartition]) -> dict[int, str]:
        try:
            told = consumer.committed(partitions, NOTES_S_MAX) if partitions else []
        except KafkaException as error:
            # A gateway that has lost its state reads the bank's feed from the beginning then: slow, not wrong.
            log.warning("notes_not_read", error=str(error))
            return {}
        notes = {each.partition: each.metadata for each in told if each.metadata}
        with self._saved_lock:
            # An offset that is told without it would take it away.
            self._notes.update(notes)
        return notes

    def _commit(self) -> None:
        with self._saved_lock:
            untold, self._untold = self._untold, set()
            offsets = [
                TopicPartition(PAYMENT_EVENTS.name, partition, self._saved[partition], self._notes.get(partition, ""))
                for partition in untold
                if partition in self._saved
            ]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                log.info("lag_not_told", error=str(error))

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _on_error(self, error: KafkaError) -> None:
        if not is_fatal(error):
            log.info("kafka_client_says", error=error.str())


def _seen(message: Message, memory: PaymentMemory) -> Seen:
    """Return a record as the gateway sees it. A status in its headers saves decoding what is closed.

    Raises UnknownSchema: a newer version wrote it, and passing over it could strand a payment.
    """
    partition, offset, key, value = message.partition(), message.offset(), message.key(), message.value()
    assert partition is not None
    assert offset is not None
    payment_id = key.decode(errors="replace") if isinstance(key, bytes) else None
    status = dict(message.headers() or []).get(_STATUS_HEADER)
    payment = None
    if value is not None and payment_id is not None and (status is None or status in _OPEN):
        payment = _payment(value, payment_id, memory, partition=partition, offset=offset)
        if payment is None:
            payment_id = None
        elif payment.status not in OPEN:
            payment = None
    return Seen(
        partition=partition,
        next_offset=offset + 1,
        payment_id=payment_id,
        payment=payment,
        value=value if isinstance(value, bytes) else b"",
    )


def _passed_over(message: Message) -> Seen:
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return Seen(partition=partition, next_offset=offset + 1, payment_id=None, payment=None, value=b"")


def _payment(
    value: str | bytes, payment_id: str, memory: PaymentMemory, *, partition: int, offset: int
) -> Payment | None:
    try:
        decoded = memory.decode(value if isinstance(value, bytes) else value.encode())
    except codec.Undecodable as error:
        reason = error.reason
    else:
        if isinstance(decoded, Payment) and decoded.payment_id == payment_id:
            return decoded
        reason = "not the payment of its key"
    # Nobody but the stream app may write here, and it writes payments: somebody must look at this.
    metrics.UNREADABLE.inc()
    log.error("payment_event_unreadable", partition=partition, offset=offset, reason=reason)
    return None
