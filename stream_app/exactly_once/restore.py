"""Restore: a table's topic is read to its end before its partition decides anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from stream_app.exactly_once import metrics

MESSAGES_PER_READ = 2000
# A healthy broker answers a fetch at the end of a partition within milliseconds.
SILENCE_S_MAX = 30.0

Apply = Callable[[bytes, bytes | None], None]


class RestoreFailed(Exception):
    """The end of the topic was not reached: deciding without its records would decide twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """How many records were read of a partition, and how long that took."""

    records: int
    seconds: float


def restore(
    bootstrap: str,
    topic: str,
    partition: int,
    apply: Apply,
    *,
    cancelled: threading.Event,
    progress: Callable[[int], None],
) -> Restored:
    """Hand every committed record of the partition to `apply`, in order, from the first to the end; blocks.

    `progress` hears how many records each read brought.
    The end is the broker's PARTITION_EOF: the last stable offset at that moment. Raises RestoreFailed after
    SILENCE_S_MAX without an answer, or when cancelled.
    """
    started = time.monotonic()
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
        }
    )
    try:
        # Asking for offset 0 spares the half second that librdkafka takes to look OFFSET_BEGINNING up.
        consumer.assign([TopicPartition(topic, partition, 0)])
        records = _read_to_end(consumer, apply, cancelled, progress)
    finally:
        consumer.close()
    seconds = time.monotonic() - started
    metrics.RESTORED.labels(topic, str(partition)).inc(records)
    metrics.RESTORE_S.labels(topic).observe(seconds)
    return Restored(records=records, seconds=seconds)


def _read_to_end(consumer: Consumer, apply: Apply, cancelled: threading.Event, progress: Callable[[int], None]) -> int:
    total = 0
    heard_at = time.monotonic()
    while True:
        if cancelled.is_set():
            raise RestoreFailed("cancelled")
        # A short wait: `consume` returns early only when it has all the messages that were asked for.
        messages = consumer.consume(MESSAGES_PER_READ, timeout=0.05)
        if not messages and time.monotonic() - heard_at > SILENCE_S_MAX:
            raise RestoreFailed(f"nothing heard for {SILENCE_S_MAX} s")
        records = 0
        for message in messages:
            heard_at = time.monotonic()
            error = message.error()
            if error is None:
                key = message.key()
                assert key is not None, "a compacted topic has no record without a key"
                apply(key, message.value())
                records += 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's local errors are named so.
                progress(records)
                return total + records
            elif not error.retriable() and error.code() not in _PASSING:
                raise KafkaException(error)
        progress(records)
        total += records


# librdkafka reconnects by itself; SILENCE_S_MAX bounds how long it may take.
_PASSING = {
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
}
