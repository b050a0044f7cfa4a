"""Reading given partitions from given offsets, in batches, and knowing where they end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Literal

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from kafka_log.connection import (
    LIBRDKAFKA_LOG,
    OFFSET_NOT_THERE,
    PARTITION_EOF,
    TIMED_OUT,
    client_settings,
    consumer_settings,
    is_fatal,
)

log = structlog.get_logger()

Isolation = Literal["read_committed", "read_uncommitted"]
Place = tuple[str, int]  # A topic and a partition.

QUERY_TIMEOUT_S = 10.0
# One question among those that fit into a time-out: one that went to a broker that died is soon asked again.
QUERY_S_MIN, QUERY_S_MAX, QUERY_PAUSE_S = 0.1, 2.0, 0.05
# Kafka's answer where no record is as new as the time that was asked for.
NO_RECORD = -1
# What a client of ours holds of fetched, unread records at most.
FETCHED_KIBIBYTES_MAX = 32 * 1024


class LogGap(Exception):
    """The log does not hold the offset that was asked for: records were deleted, or it is another log."""


class LogReader:
    """Reads the partitions that it was told to, each in order, through restarts of brokers.

    Positions are the caller's to keep. Not for use by several threads at once.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str,
        group_id: str | None = None,
        isolation: Isolation = "read_committed",
    ) -> None:
        settings = consumer_settings(bootstrap, client_id, group_id or client_id, isolation=isolation)
        settings["queued.max.messages.kbytes"] = FETCHED_KIBIBYTES_MAX
        self._consumer = Consumer(settings, logger=LIBRDKAFKA_LOG)
        self._admin = AdminClient(client_settings(bootstrap, f"{client_id}-ends"), logger=LIBRDKAFKA_LOG)
        self._isolation = isolation
        self._positions: dict[Place, int] = {}

    @property
    def positions(self) -> Mapping[Place, int]:
        """The next offset of each partition, behind transaction markers where the end was reached."""
        return self._positions

    def assign(self, offsets: Mapping[Place, int]) -> None:
        """Read these partitions from these offsets, in place of whatever was read before."""
        self._positions = dict(offsets)
        self._consumer.assign(
            [
                # Offset 0 of a log whose beginning was compacted or deleted away means its beginning.
                TopicPartition(topic, partition, OFFSET_BEGINNING if offset == 0 else offset)
                for (topic, partition), offset in offsets.items()
            ]
        )

    def read(self, records_max: int, timeout_s: float) -> list[Message]:
        """Return what is there, at most `records_max` records, waiting up to `timeout_s` for the first.

        Raises LogGap when an offset is not there, KafkaException when the client can no longer work.
        """
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        batch = [first]
        if records_max > 1:
            # Without waiting: `consume` with a time-out waits for a full batch.
            batch += self._consumer.consume(records_max - 1, 0)
        return [message for message in batch if self._is_record(message)]

    def partitions(self, topic: str) -> list[int]:
        """Return the topic's partitions; none when it does not exist. Raises KafkaException when nobody answers."""
        found = self._admin.list_topics(topic, timeout=QUERY_TIMEOUT_S).topics[topic]
        return [] if found.error is not None else sorted(found.partitions)

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Return where each partition ends now for a reader of this isolation: its last stable offset."""
        places = [(topic, partition) for partition in self.partitions(topic)]
        return {partition: offset for (_, partition), offset in ends(self._admin, places, self._isolation).items()}

    def first_offsets(self, topic: str) -> dict[int, int]:
        """Return where each partition begins now."""
        places = [(topic, partition) for partition in self.partitions(topic)]
        return {partition: offset for (_, partition), offset in beginnings(self._admin, places).items()}

    def offsets_at(self, topic: str, partitions: Iterable[int], at_ms: int) -> dict[int, int]:
        """Return where the first record stands that was written at or after a time (ms since the epoch, by the clock
        that the topic goes by); the end, where there is none."""
        admin, isolation = self._admin, self._isolation
        places = [(topic, partition) for partition in partitions]
        found = _offsets(admin, places, OffsetSpec.for_timestamp(at_ms), isolation, QUERY_TIMEOUT_S, least=NO_RECORD)
        behind = ends(admin, [place for place, offset in found.items() if offset == NO_RECORD], isolation)
        return {partition: offset for (_, partition), offset in (found | behind).items()}

    def close(self) -> None:
        """Leave at once."""
        self._consumer.close()

    def _is_record(self, message: Message) -> bool:
        place = place_of(message)
        error = message.error()
        if error is None:
            offset = message.offset()
            assert offset is not None
            self._positions[place] = offset + 1
            return True
        if error.code() == PARTITION_EOF:
            offset = message.offset()
            if offset is not None and offset > self._positions.get(place, 0):
                self._positions[place] = offset
            return False
        raise_unless_passing(error, place)
        return False


def place_of(message: Message) -> Place:
    """Return where the record is; only of messages that a consumer returned for a partition."""
    topic, partition = message.topic(), message.partition()
    return topic or "", -1 if partition is None else partition


def raise_unless_passing(error: KafkaError, place: Place) -> None:
    """Raise LogGap or KafkaException; log an error that passes, such as a broker that restarts."""
    if error.code() in (OFFSET_NOT_THERE, KafkaError.OFFSET_OUT_OF_RANGE):
        raise LogGap(f"{place[0]}[{place[1]}]: {error.str()}")
    if is_fatal(error):
        raise KafkaException(error)
    log.warning("log_read_error", topic=place[0], partition=place[1], error=error.str())


def ends(
    admin: AdminClient, places: Iterable[Place], isolation: Isolation, timeout_s: float = QUERY_TIMEOUT_S
) -> dict[Place, int]:
    """Return where partitions end: at the last stable offset, or (read_uncommitted) behind all that is written."""
    return _offsets(admin, places, OffsetSpec.latest(), isolation, timeout_s)


def beginnings(admin: AdminClient, places: Iterable[Place], timeout_s: float = QUERY_TIMEOUT_S) -> dict[Place, int]:
    """Return where partitions begin."""
    return _offsets(admin, places, OffsetSpec.earliest(), "read_uncommitted", timeout_s)


def _offsets(
    admin: AdminClient,
    places: Iterable[Place],
    spec: OffsetSpec,
    isolation: Isolation,
    timeout_s: float,
    least: int = 0,
) -> dict[Place, int]:
    """Ask until every partition has answered: leaders move, brokers restart, and new topics have none for a moment."""
    asked = {TopicPartition(topic, partition): spec for topic, partition in places}
    if not asked:
        return {}
    level = IsolationLevel.READ_COMMITTED if isolation == "read_committed" else IsolationLevel.READ_UNCOMMITTED
    deadline = time.monotonic() + timeout_s
    while True:
        left_s = max(deadline - time.monotonic(), QUERY_S_MIN)
        try:
            answers = admin.list_offsets(asked, isolation_level=level, request_timeout=min(left_s, QUERY_S_MAX))
            found = {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}
            # When nobody answers in time, librdkafka says -1001 and calls that a success.
            if min(found.values()) >= least:
                return found
            error = KafkaException(KafkaError(TIMED_OUT, "no broker told where the partitions begin or end"))
        except KafkaException as refused:
            error = refused
        if time.monotonic() + QUERY_PAUSE_S >= deadline:
            raise error
        time.sleep(QUERY_PAUSE_S)
        _forget_leaders(admin, min(deadline - time.monotonic(), QUERY_S_MAX))


def _forget_leaders(admin: AdminClient, timeout_s: float) -> None:
    """Ask for the leaders anew: `list_offsets` goes on using those of before a broker's restart, which it refuses."""
    with suppress(KafkaException):
        admin.list_topics(timeout=max(timeout_s, QUERY_S_MIN))
