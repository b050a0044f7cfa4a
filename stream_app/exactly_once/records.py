"""What goes into a lane and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

Headers = Sequence[tuple[str, bytes]]
TopicPartitionNumber = tuple[str, int]


class InputRecord(Protocol):
    """A record as it was read; aiokafka's ConsumerRecord is one. `timestamp` is in milliseconds."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def timestamp_type(self) -> int | None: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class OutputRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record to be written; without a partition it goes where murmur2 of its key points."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = []
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """All that one fetch brought of one partition, and where it stands in the chain of fetches.

    `seek` counts the seeks of this consumer, `number` the fetches of the partition since then, from 0; `sought` is the
    offset that the seek went to. Offsets are no chain: they jump over compacted records and transaction markers.
    `seek` is None when the partition was not yet sought in this generation.
    """

    topic: str
    partition: int
    generation: int
    seek: int | None
    number: int
    sought: int
    records: Sequence[InputRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records of one partition number, in the order in which they are to be decided."""

    records: tuple[InputRecord, ...]

    def next_offsets(self) -> dict[str, int]:
        """Return, by topic, the offset after the last record of the batch."""
        return {record.topic: record.offset + 1 for record in self.records}
