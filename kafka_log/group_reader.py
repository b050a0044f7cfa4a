"""A member of a consumer group that keeps its own offsets: the group divides the partitions, and remembers notes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from msgspec import Struct

from kafka_log.connection import LIBRDKAFKA_LOG, OFFSET_NOT_THERE, PARTITION_EOF, consumer_settings, is_fatal

log = structlog.get_logger(__name__)

RECORDS_MAX = 1000  # Of one batch: some ten milliseconds of decoding.
POLL_S = 0.2
ASK_S_MAX = 10.0
ASK_PAUSE_S = 0.5
# What is read together is worked on together, and an answer costs broker and reader the same whatever it holds: the
# broker gathers so much before it answers, or for FETCH_WAIT_MS_MAX (kafka_log.connection).
GATHERED_BYTES = 1024 * 1024
REST_OF_AN_ANSWER_S = 0.005  # One answer's partitions come one after the other.
# A member that was killed keeps its partitions this long, unless it returns under its name, which is what it does.
SESSION_TIMEOUT_MS = 10_000
FETCHED_KIBIBYTES_MAX = 16 * 1024

T = TypeVar("T")


class Told(Struct, frozen=True, kw_only=True):
    """What the group was last told of a partition: an offset, and a note for whoever has lost its state."""

    offset: int
    note: str = ""


class Reading(Protocol):
    """What the reader tells, one call after the other, in the event loop; it reads on when the call has returned."""

    async def assigned(self, told: Mapping[int, Told | None]) -> Mapping[int, int]:
        """Take partitions up, and return from which offset to read each (0: from its start)."""
        ...

    async def revoked(self, partitions: Sequence[int]) -> None: ...

    async def read(self, messages: Sequence[Message]) -> None:
        """Take records, those of each partition in their order."""
        ...

    async def caught_up(self, partition: int) -> None:
        """All that was committed has been read; records from now on are news. Told once."""
        ...

    async def gone(self, partition: int) -> None:
        """The log does not hold what would come next: it is another log. The partition is read from its start."""
        ...


class GroupReader:
    """A thread that reads `topic`, committed records only. `instance` is its stable name in the group: a restart under
    it takes its partitions back."""

    def __init__(
        self,
        bootstrap: str,
        reading: Reading,
        *,
        topic: str,
        group: str,
        instance: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        settings = consumer_settings(bootstrap, instance, group, isolation="read_committed") | {
            "group.instance.id": instance,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "queued.max.messages.kbytes": FETCHED_KIBIBYTES_MAX,
            "fetch.min.bytes": GATHERED_BYTES,
        }
        self._consumer = Consumer(settings, logger=LIBRDKAFKA_LOG, error_cb=self._on_error)
        self._reading = reading
        self._topic = topic
        self._loop = loop
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{topic}-reader", daemon=True)
        # The end comes behind every record that is the last just then: of those that are told, no more is told of it.
        self._caught_up: set[int] = set()
        self._assigned: set[int] = set()
        self._untold: dict[int, Told] = {}
        self._untold_lock = threading.Lock()
        # Resolved when the thread ends; with its exception when it could not go on.
        self.ended: asyncio.Future[None] = loop.create_future()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; `ended` tells when it has."""
        self._stopping.set()

    def tell(self, told: Mapping[int, Told]) -> None:
        """Tell the group, soon, what it should know of partitions."""
        with self._untold_lock:
            self._untold.update(told)

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            self._consumer.subscribe(
                [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )
            while not self._stopping.is_set():
                self._hand_over(self._read())
                self._commit()
        except Exception as error:
            failure = error
        finally:
            self._stopping.set()
            self._commit()
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
        records: list[Message] = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(message)
                continue
            if error.code() == PARTITION_EOF and message.partition() in self._caught_up:
                continue
            # What was read before the end was reached is told first.
            records = self._tell_of(records)
            self._hear(error, message)
        self._tell_of(records)

    def _tell_of(self, records: list[Message]) -> list[Message]:
        if records:
            self._call(self._reading.read(records))
        return []

    def _hear(self, error: KafkaError, message: Message) -> None:
        partition = message.partition()
        if error.code() == PARTITION_EOF:
            assert partition is not None
            self._call(self._reading.caught_up(partition))
            self._caught_up.add(partition)
        elif error.code() == OFFSET_NOT_THERE:
            assert partition is not None
            log.warning("partition_starts_over", topic=self._topic, partition=partition, error=error.str())
            self._call(self._reading.gone(partition))
            self._caught_up.discard(partition)
            start = [TopicPartition(self._topic, partition, OFFSET_BEGINNING)]
            # A partition in this state cannot be sought in, only be given anew.
            self._consumer.incremental_unassign(start)
            self._consumer.incremental_assign(start)
        elif is_fatal(error):
            raise KafkaException(error)
        else:
            log.warning("log_not_read", topic=self._topic, error=error.str())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        told = self._told(consumer, partitions)
        if told is None:
            return
        self._caught_up.difference_update(told)
        offsets = self._call(self._reading.assigned(told))
        self._assigned.update(told)
        consumer.incremental_assign(
            [
                TopicPartition(self._topic, partition, offset or OFFSET_BEGINNING)
                for partition, offset in offsets.items()
            ]
        )

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [each.partition for each in partitions]
        if not self._stopping.is_set():
            self._call(self._reading.revoked(numbers))
            self._commit()
        self._assigned.difference_update(numbers)
        consumer.incremental_unassign(partitions)

    def _told(self, consumer: Consumer, partitions: list[TopicPartition]) -> dict[int, Told | None] | None:
        """Ask until the group answers (None: it is time to end): what it was told may be all that is known."""
        while not self._stopping.is_set():
            try:
                answers = consumer.committed(partitions, ASK_S_MAX) if partitions else []
                for each in answers:
                    if each.error is not None:
                        raise KafkaException(each.error)
            except KafkaException as error:
                log.warning("group_not_asked", topic=self._topic, error=str(error))
                self._stopping.wait(ASK_PAUSE_S)
                continue
            return {
                each.partition: Told(offset=each.offset, note=each.metadata or "") if each.offset >= 0 else None
                for each in answers
            }
        return None

    def _commit(self) -> None:
        with self._untold_lock:
            untold, self._untold = self._untold, {}
        offsets = [
            TopicPartition(self._topic, partition, told.offset, told.note)
            for partition, told in untold.items()
            if partition in self._assigned
        ]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                log.info("group_not_told", topic=self._topic, error=str(error))

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _on_error(self, error: KafkaError) -> None:
        if not is_fatal(error):
            log.info("kafka_client_says", error=error.str())
