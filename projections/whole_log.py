"""The projected topics, for who projects them anew: the partitions that he names, no group to share them."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka.admin import AdminClient

from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from kafka_log.reader import LogReader
from projections.batch import PROJECTED_TOPICS, Batch, Gathered, Move, Place
from projections.log_source import Extent, extents, record_of
from schemas.codec import decode

# The more of a payment's records are in one batch, the fewer are decoded and written. A batch is full with so many
# payments, some 150 MB of memory, or when so many records were read: then it is time to tell of progress.
GATHERED_MAX = 20_000
BATCH_RECORDS_MAX = 200_000
READ_RECORDS_MAX = 5_000  # The superseded ones among them are let go at once.
READ_WAIT_S = 0.1


class TopicsMissing(Exception):
    """Kafka has no such topics: it cannot be the one that the views come from."""


class WholeLog:
    """Reads what it is told to, in batches. Not for use by several threads at once."""

    def __init__(self, bootstrap: str, *, client_id: str) -> None:
        self._admin = AdminClient(client_settings(bootstrap, f"{client_id}-extents"), logger=LIBRDKAFKA_LOG)
        self._reader = LogReader(bootstrap, client_id=client_id)
        self._places = [(topic, partition) for topic in PROJECTED_TOPICS for partition in self._partitions(topic)]
        self._positions: dict[Place, int] = {}
        self._log_ends: dict[Place, int] = {}

    @property
    def positions(self) -> Mapping[Place, int]:
        """Where the next batch begins."""
        return self._positions

    def extents(self) -> dict[Place, Extent]:
        """Return what the log has of each partition now. Raises KafkaException when nobody answers."""
        return extents(self._admin, self._places)

    def start(self, positions: Mapping[Place, int], found: Mapping[Place, Extent]) -> None:
        """Read these partitions from these positions, in place of whatever was read before."""
        self._positions = dict(positions)
        self._log_ends = {place: found[place].end for place in positions}
        self._reader.assign(positions)

    def read(self) -> Batch:
        """Return what comes next, decoded; without moves when nothing comes. Raises LogGap and UnprojectableRecord.

        Its moves also go behind the transaction markers at the end of a partition.
        """
        gathered = Gathered(decode)
        at_us: dict[Place, int | None] = {}
        while len(gathered) < GATHERED_MAX and gathered.records < BATCH_RECORDS_MAX:
            # Of what the log is known to hold, more comes soon: waiting for it is worth a fuller batch.
            wait_s = READ_WAIT_S if not gathered.records or self._is_behind() else 0.0
            messages = self._reader.read(READ_RECORDS_MAX, wait_s)
            if not messages:
                break
            records = [record_of(message) for message in messages]
            gathered.take(records)
            at_us |= {(record.topic, record.partition): record.at_us for record in records}
        return gathered.batch(self._moves(at_us))

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()

    def _partitions(self, topic: str) -> list[int]:
        if not (found := self._reader.partitions(topic)):
            raise TopicsMissing(f"there is no topic {topic}")
        return found

    def _is_behind(self) -> bool:
        return any(self._reader.positions[place] < end for place, end in self._log_ends.items())

    def _moves(self, at_us: Mapping[Place, int | None]) -> tuple[Move, ...]:
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
