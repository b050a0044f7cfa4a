"""The projected topics from their beginnings, for who projects them anew: all partitions, no group to share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from confluent_kafka.admin import AdminClient

from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from kafka_log.reader import LogReader
from projections.batch import PROJECTED_TOPICS, Batch, LogRecord, Move, Place, read_batch
from projections.log_source import Extent, extents, record_of
from schemas.codec import decode

# The more of a payment's records are in one batch, the fewer are decoded and written: some tens of megabytes.
BATCH_RECORDS_MAX = 20_000
READ_WAIT_S = 0.1


class TopicsMissing(Exception):
    """Kafka has no such topics: it cannot be the one that the views come from."""


class WholeLog:
    """Reads everything, in batches. Not for use by several threads at once."""

    def __init__(self, bootstrap: str, *, client_id: str) -> None:
        self._admin = AdminClient(client_settings(bootstrap, f"{client_id}-extents"), logger=LIBRDKAFKA_LOG)
        self._reader = LogReader(bootstrap, client_id=client_id)
        self._places = [(topic, partition) for topic in PROJECTED_TOPICS for partition in self._partitions(topic)]
        self._positions: dict[Place, int] = {}
        self._log_ends: dict[Place, int] = {}

    def extents(self) -> dict[Place, Extent]:
        """Return what the log has of each partition now. Raises KafkaException when nobody answers."""
        return extents(self._admin, self._places)

    def start(self, found: Mapping[Place, Extent]) -> None:
        """Read from the beginnings."""
        self._positions = {place: extent.begin for place, extent in found.items()}
        self._log_ends = {place: extent.end for place, extent in found.items()}
        self._reader.assign(self._positions)

    def read(self) -> Batch:
        """Return what comes next, decoded; without moves when nothing comes. Raises LogGap and UnprojectableRecord.

        Its moves also go behind the transaction markers at the end of a partition.
        """
        records: list[LogRecord] = []
        wait_s = READ_WAIT_S
        while len(records) < BATCH_RECORDS_MAX:
            messages = self._reader.read(BATCH_RECORDS_MAX - len(records), wait_s)
            if not messages:
                break
            records += [record_of(message) for message in messages]
            wait_s = 0.0
        batch = read_batch(records, self._positions, self._log_ends, decode)
        return replace(batch, moves=self._moves(batch.moves))

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()

    def _partitions(self, topic: str) -> list[int]:
        if not (found := self._reader.partitions(topic)):
            raise TopicsMissing(f"there is no topic {topic}")
        return found

    def _moves(self, of_records: tuple[Move, ...]) -> tuple[Move, ...]:
        at_us = {(move.topic, move.partition): move.record_at_us for move in of_records}
        moves = tuple(
            Move(
                topic=place[0],
                partition=place[1],
                old=self._positions[place],
                new=position,
                log_end=max(self._log_ends[place], position),
                record_at_us=at_us.get(place),
            )
            for place, position in sorted(self._reader.positions.items())
            if position > self._positions[place]
        )
        self._positions |= {(move.topic, move.partition): move.new for move in moves}
        return moves
