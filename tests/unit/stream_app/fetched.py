"""Records and fetches as a test writes them, and a log that a test reads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stream_app.exactly_once.lane import Surroundings
from stream_app.exactly_once.records import Fetch, Headers, OutputRecord
from stream_app.exactly_once.restore import Apply, Restored


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
            await asyncio.sleep(0)


@dataclass
class Log:
    """Stands in for Kafka behind `Output`: keeps what was written; can be made slow, or to refuse."""

    written: list[list[OutputRecord]] = field(default_factory=list)
    before_write: Callable[[], Any] | None = None

    async def write(self, records: Sequence[OutputRecord]) -> None:
        if self.before_write is not None:
            await self.before_write()
        self.written.append(list(records))


@dataclass
class Process:
    """Stands in for the process around a lane."""

    log: Log = field(default_factory=Log)
    is_owner: bool = True
    history: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    failures: list[tuple[str, BaseException | None]] = field(default_factory=list)

    def surroundings(self) -> Surroundings:
        return Surroundings(
            output=self.log,
            restore=self.restore,
            owns=lambda _generation: self.is_owner,
            hold=lambda topic, _partition: self.held.append(topic),
            release=lambda topic, _partition: self.released.append(topic),
            fail=self.fail,
        )

    def restore(self, _topic: str, _partition: int, apply: Apply, _cancelled: threading.Event) -> Restored:
        for key, value in self.history:
            apply(key, value)
        return Restored(records=len(self.history), seconds=0.0)

    def fail(self, reason: str, error: BaseException | None = None, **_fields: object) -> None:
        self.failures.append((reason, error))
