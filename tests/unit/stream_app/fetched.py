"""Records and fetches as a test writes them, and a log that a test reads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stream_app.agents import Decisions
from stream_app.decisions import Written
from stream_app.exactly_once.gaps import Gap
from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.lane import Surroundings
from stream_app.exactly_once.records import Fetch, Headers, InputRecord, OutputRecord
from stream_app.exactly_once.restore import Restored, Store
from stream_app.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A record as if it had been read."""

    topic: str = "commands"
    partition: int = 0
    offset: int = 0
    timestamp: int = 1_700_000_000_000
    timestamp_type: int | None = 1
    key: bytes | None = b"key"
    value: bytes | None = b"value"
    headers: Headers = ()


def fetch(
    number: int,
    offsets: Sequence[int],
    *,
    seek: int | None = 1,
    sought: int = 0,
    topic: str = "commands",
    generation: int = 1,
) -> Fetch:
    records = [Read(topic=topic, offset=offset, value=str(offset).encode()) for offset in offsets]
    return Fetch(
        topic=topic, partition=0, generation=generation, seek=seek, number=number, sought=sought, records=records
    )


async def settled(condition: Callable[[], bool]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is awaited has no event: it is what the lane did.
            await asyncio.sleep(0.001)


@dataclass
class Log:
    """Stands in for Kafka behind a worker's transactions: keeps what was committed; can be made slow, or to refuse.

    Like the real one it blocks, in the lane's thread.
    """

    committed: list[list[OutputRecord]] = field(default_factory=list)
    offsets: list[dict[tuple[str, int], int]] = field(default_factory=list)
    members: list[GroupMember] = field(default_factory=list)
    fences: int = 0
    before_fence: Callable[[], Any] | None = None
    before_commit: Callable[[], Any] | None = None

    def fence(self) -> None:
        if self.before_fence is not None:
            self.before_fence()
        self.fences += 1

    def coming(self) -> None:
        """Nobody shares its transactions."""

    def commit(
        self, records: Sequence[OutputRecord], offsets: Mapping[tuple[str, int], int], member: GroupMember
    ) -> dict[tuple[str, int], int]:
        if self.before_commit is not None:
            self.before_commit()
        self.committed.append(list(records))
        self.offsets.append(dict(offsets))
        self.members.append(member)
        ends: dict[tuple[str, int], int] = {}
        for records_before in self.committed:
            for record in records_before:
                if record.partition is not None:
                    ends[record.topic, record.partition] = ends.get((record.topic, record.partition), 0) + 1
        return ends


@dataclass
class Memory:
    """Stands in for a lane's store: a dictionary, and what was written to it."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    next_offset: int | None = None
    decided: bytes = b""

    def resume(self, *, log_id: str, first: int, end: int) -> int:
        return first

    def get(self, key: bytes) -> bytes | None:
        return self.values.get(key)

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        return [self.values.get(key) for key in keys]

    def write(self, changes: Mapping[bytes, bytes | None], *, next_offset: int, decided: bytes | None = None) -> None:
        self.decided = self.decided if decided is None else decided
        for key, value in changes.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        self.next_offset = next_offset

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Process:
    """Stands in for the process around a lane."""

    log: Log = field(default_factory=Log)
    is_owner: bool = True
    memory: Memory = field(default_factory=Memory)
    before_restore: Callable[[], Any] | None = None
    history: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    decided: dict[str, int] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    told: OutputRecord | None = None
    held: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    failures: list[tuple[str, BaseException | None]] = field(default_factory=list)

    def surroundings(self) -> Surroundings:
        return Surroundings(
            transactions=self.log,
            store=lambda _agent, _partition: self.memory,
            restore=self.restore,
            owns=lambda _generation: self.is_owner,
            member=lambda generation: GroupMember(
                group="group", generation=generation, member_id="member", instance="stream-0"
            ),
            hold=lambda topic, _partition: self.held.append(topic),
            release=lambda topic, _partition: self.released.append(topic),
            fail=self.fail,
            find_gaps=lambda _partitions: self.gaps,
            accept_gap=lambda _gap: self.told,
        )

    def restore(self, _topic: str, _partition: int, _form: int, store: Store, _cancelled: threading.Event) -> Restored:
        if self.before_restore is not None:
            self.before_restore()
        store.write(dict(self.history), next_offset=len(self.history))
        return Restored(records=len(self.history), seconds=0.0, decided=self.decided)

    def fail(self, reason: str, error: BaseException | None = None, **_fields: object) -> None:
        self.failures.append((reason, error))


def decide_batch(decisions: Decisions[Any], records: Sequence[InputRecord], table: Table[Any]) -> Written:
    """Return what the records, decided as one batch, have to be written as; the table has it staged."""
    ids = [decisions.id_of(record) for record in records]
    table.fetch(key_id for key_id in ids if key_id is not None)
    reads = [decisions.read(record, key_id, table) for record, key_id in zip(records, ids, strict=True)]
    written = Written()
    for record, read in zip(records, reads, strict=True):
        decisions.decide(record, read, table, written)
    decisions.encode(written)
    return written
