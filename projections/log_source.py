"""The records to project: a share of the partitions, read from the positions that Postgres holds.

The consumer group shares out the partitions and does nothing else: no position is ever committed to it. Two projectors
that for a moment both believe to have a partition are told apart in Postgres.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from kafka_log.connection import LIBRDKAFKA_LOG, PARTITION_EOF, client_settings, consumer_settings
from kafka_log.reader import beginnings, ends, place_of, raise_unless_passing
from projections.batch import PROJECTED_TOPICS, LogRecord, Place

log = structlog.get_logger(__name__)

SESSION_TIMEOUT_MS = 10_000  # A projector that is silent for so long gives its partitions to the others.
# Fetched and not yet projected records that are held in memory at most.
FETCHED_KIBIBYTES_MAX = 32 * 1024
FETCH_BYTES_MAX = 8 * 1024 * 1024
QUERY_TIMEOUT_S = 10.0
_SEQUENCE_HEADER = "ce_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The first and the last offset (exclusive) that the log has of a partition, and its topic's id."""

    topic_id: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """What one read brought: records, and how far reading got in partitions that are read to their end."""

    records: list[LogRecord]
    ends_reached: dict[Place, int]


class LogSource:
    """Reads this projector's share of the projected topics. Not for use by several threads at once."""

    def __init__(self, bootstrap: str, *, group_id: str, instance: str) -> None:
        settings: dict[str, Any] = consumer_settings(bootstrap, instance, group_id, isolation="read_committed")
        settings |= {
            # A restart under the same name takes the same partitions again, at once.
            "group.instance.id": instance,
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": SESSION_TIMEOUT_MS // 5,
            "queued.max.messages.kbytes": FETCHED_KIBIBYTES_MAX,
            "fetch.max.bytes": FETCH_BYTES_MAX,
        }
        self._consumer = Consumer(settings, logger=LIBRDKAFKA_LOG)
        self._admin = AdminClient(client_settings(bootstrap, f"{instance}-ends"), logger=LIBRDKAFKA_LOG)
        self._assigned: list[Place] | None = None
        self._consumer.subscribe(
            list(PROJECTED_TOPICS), on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
        )
        # Counts assignments: records of an earlier one are not this one's.
        self.generation = 0

    @property
    def assigned(self) -> list[Place] | None:
        """This projector's partitions; None before the group has shared them out."""
        return self._assigned

    def extents(self) -> dict[Place, Extent]:
        """Return what the log has of each assigned partition. Raises KafkaException when nobody answers."""
        places = self._assigned
        if not places:
            return {}
        return extents(self._admin, places)

    def start_at(self, positions: Mapping[Place, int]) -> None:
        """Read the assigned partitions from these positions, whatever was read before."""
        self._consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING if offset == 0 else offset)
                for (topic, partition), offset in positions.items()
            ]
        )

    def read(self, records_max: int, wait_s: float) -> Fetch:
        """Return what is there, at most `records_max` records, waiting up to `wait_s` for the first.

        The share of partitions may change in here. Raises LogGap when a position is not there any more.
        """
        first = self._consumer.poll(wait_s)
        messages = [] if first is None else [first, *self._consumer.consume(records_max - 1, 0)]
        fetch = Fetch(records=[], ends_reached={})
        for message in messages:
            error = message.error()
            if error is None:
                fetch.records.append(record_of(message))
            elif error.code() == PARTITION_EOF:
                fetch.ends_reached[place_of(message)] = message.offset() or 0
            else:
                raise_unless_passing(error, place_of(message))
        return fetch

    def log_end(self, place: Place) -> int:
        """Return the partition's end as the newest fetch told it, or 0 before the first."""
        known = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        return max(known[1], 0) if known is not None else 0

    def close(self) -> None:
        """Stop reading. A named member does not leave its group: it may be back within the session time-out."""
        try:
            self._consumer.close()
        except KafkaException as error:
            log.warning("log_source_close_failed", error=str(error))

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assigned = [(partition.topic, partition.partition) for partition in partitions]
        self.generation += 1
        # Nothing is read until `start_at`: the positions are asked of Postgres, which may take its time.
        consumer.assign([])
        log.info("partitions_assigned", partitions=[f"{topic}[{partition}]" for topic, partition in self._assigned])

    def _revoke(self, consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._assigned = None
        self.generation += 1
        consumer.unassign()


def extents(admin: AdminClient, places: Collection[Place]) -> dict[Place, Extent]:
    """Return what the log has of each of these partitions. Raises KafkaException when nobody answers."""
    topics = admin.describe_topics(TopicCollection(sorted({topic for topic, _ in places})))
    ids = {topic: str(answer.result(QUERY_TIMEOUT_S).topic_id) for topic, answer in topics.items()}
    begins = beginnings(admin, places, QUERY_TIMEOUT_S)
    stable_ends = ends(admin, places, "read_committed", QUERY_TIMEOUT_S)
    return {place: Extent(topic_id=ids[place[0]], begin=begins[place], end=stable_ends[place]) for place in places}


def record_of(message: Message) -> LogRecord:
    """Return the record that a consumer's message is."""
    topic, partition = place_of(message)
    offset = message.offset()
    assert offset is not None
    _, at_ms = message.timestamp()
    return LogRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        key=message.key(),
        value=message.value(),
        sequence=_sequence(message.headers()),
        at_us=at_ms * 1000 if at_ms > 0 else None,
    )


def _sequence(headers: Any) -> int | None:
    """Return the sequence in the header ce_id ("{payment_id}:{sequence}"), or None where there is none."""
    for name, value in headers or ():
        if name == _SEQUENCE_HEADER and isinstance(value, bytes):
            digits = value.rpartition(b":")[2]
            return int(digits) if digits.isdigit() and len(digits) < 10 else None
    return None
