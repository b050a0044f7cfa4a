"""Restore: what a store lacks of its topic is read, to the end, before its partition decides anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from kafka_log.reader import beginnings, ends
from stream_app.exactly_once import metrics
from stream_app.exactly_once.decided import value_in
from stream_app.exactly_once.records import TopicPartitionNumber
from stream_app.exactly_once.transactions import OPEN_S_MAX

MESSAGES_PER_READ = 2000
# Some reads ahead. By default every lane that restores may hold 64 MiB, and the process keeps what it once had.
READ_AHEAD_KIB = 4 * 1024
# A healthy broker answers a fetch at the end of a partition within milliseconds.
SILENCE_S_MAX = 30.0
LOOK_EVERY_S = 0.02


class Store(Protocol):
    """Where a lane's state is; see `stream_app.exactly_once.store`."""

    @property
    def decided(self) -> bytes: ...
    def resume(self, *, log_id: str, first: int, end: int) -> int: ...
    def get(self, key: bytes) -> bytes | None: ...
    def get_many(self, keys: list[bytes]) -> list[bytes | None]: ...
    def write(
        self, changes: Mapping[bytes, bytes | None], *, next_offset: int, decided: bytes | None = None
    ) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class RestoreFailed(Exception):
    """The end of the topic was not reached: deciding without its records would decide twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """How many records were read of a partition, how long that took, and by topic how far its input is decided."""

    records: int
    seconds: float
    decided: Mapping[str, int] = field(default_factory=dict)


def restore(
    bootstrap: str,
    topic: str,
    partition: int,
    store: Store,
    *,
    admin: AdminClient,
    log_id: str,
    cancelled: threading.Event,
    progress: Callable[[int], None],
) -> Restored:
    """Write every committed record of the partition that `store` lacks to it, in order, to the end; blocks.

    `log_id` names the partition for good: it has Kafka's own id of the topic, because another may get its name.
    `progress` hears how many records each read brought.
    The end is the broker's PARTITION_EOF: the last stable offset, behind every record that a former owner has written.
    Raises RestoreFailed after SILENCE_S_MAX without an answer, when a transaction stays open, or when cancelled.
    """
    started = time.monotonic()
    place = (topic, partition)
    written = _wait_settled(admin, place, cancelled)
    start = store.resume(log_id=log_id, first=beginnings(admin, [place], SILENCE_S_MAX)[place], end=written)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            # Required by librdkafka; the group is never joined and nothing is committed.
            "group.id": "directpay-restore",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            # Where the first records are compacted away, offset 0 is gone.
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
            "queued.max.messages.kbytes": READ_AHEAD_KIB,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, start)])
        records = _read_to_end(consumer, store, written, cancelled, progress)
    finally:
        consumer.close()
    seconds = time.monotonic() - started
    metrics.RESTORED.labels(topic, str(partition)).inc(records)
    metrics.RESTORE_S.labels(topic).observe(seconds)
    return Restored(records=records, seconds=seconds)


def _wait_settled(admin: AdminClient, partition: TopicPartitionNumber, cancelled: threading.Event) -> int:
    """Wait until what a former owner has written is committed or given up; return the offset behind it.

    It can write no more: the group refuses its offsets. But a transaction of it may be ending just now, and its records
    become visible when its marker is written, some time after its offsets (Kafka Streams had to learn it: KAFKA-10167).
    """
    written = ends(admin, [partition], "read_uncommitted", SILENCE_S_MAX)[partition]
    give_up_at = time.monotonic() + OPEN_S_MAX
    while ends(admin, [partition], "read_committed", SILENCE_S_MAX)[partition] < written:
        if cancelled.wait(LOOK_EVERY_S):
            raise RestoreFailed("cancelled")
        if time.monotonic() > give_up_at:
            raise RestoreFailed(f"a transaction is still open after {OPEN_S_MAX:.0f} s")
    return written


def _read_to_end(
    consumer: Consumer, store: Store, written: int, cancelled: threading.Event, progress: Callable[[int], None]
) -> int:
    """Read until the end that lies at `written` or behind it; return how many records there were.

    A broker that has just become the partition's leader may tell of an end before it.
    """
    total = 0
    heard_at = time.monotonic()
    while True:
        if cancelled.is_set():
            raise RestoreFailed("cancelled")
        # A short wait: `consume` returns early only when it has all the messages that were asked for.
        messages = consumer.consume(MESSAGES_PER_READ, timeout=0.05)
        if not messages and time.monotonic() - heard_at > SILENCE_S_MAX:
            raise RestoreFailed(f"nothing heard for {SILENCE_S_MAX} s")
        changes, last, ends_at = _changes(messages)
        if messages:
            heard_at = time.monotonic()
        if last is not None:
            # A transaction's last record tells how far it decided, and the last of all is one.
            store.write(changes, next_offset=int(last.offset() or 0) + 1, decided=value_in(last.headers()))
        records = sum(1 for message in messages if message.error() is None)
        progress(records)
        total += records
        if ends_at is not None and ends_at >= written:
            return total


def _changes(messages: Sequence[Message]) -> tuple[dict[bytes, bytes | None], Message | None, int | None]:
    """Return the newest value by key, the last record if there is one, and the end if it was told."""
    changes: dict[bytes, bytes | None] = {}
    last: Message | None = None
    ends_at: int | None = None
    for message in messages:
        error = message.error()
        if error is None:
            key = message.key()
            assert isinstance(key, bytes), "a compacted topic has no record without a key"
            value = message.value()
            assert value is None or isinstance(value, bytes)
            changes[key] = value
            last = message
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's local errors are named so.
            ends_at = message.offset()
        elif not error.retriable() and error.code() not in _PASSING:
            raise KafkaException(error)
    return changes, last, ends_at


# librdkafka reconnects by itself; SILENCE_S_MAX bounds how long it may take.
_PASSING = {
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
}
