"""A lane: one partition of one agent, and the only writer of that partition's state.

Its work is a coroutine of the application, one paragraph: restore, then for each batch look up, decide, commit, apply.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from stream_app.exactly_once import metrics
from stream_app.exactly_once.fail_stop import Fail
from stream_app.exactly_once.records import Batch, Fetch, InputRecord, OutputRecord
from stream_app.exactly_once.restore import Apply, Restored

# One batch is one wait for Kafka: large enough to spread its cost, small enough that a restart repeats little.
BATCH_RECORDS_MAX = 500
# A fetch is at most `consumer_max_fetch_size` bytes; with this many records waiting no further one is asked for.
QUEUED_RECORDS_MAX = 4 * BATCH_RECORDS_MAX
# Longer than the delivery timeout of a write, shorter than the group's rebalance timeout.
CLOSE_S_MAX = 25.0

log = structlog.get_logger()


class ChainBroken(Exception):
    """A fetch is missing between this one and the last: deciding on would lose its records."""


class PartitionLost(Exception):
    """The group has given the partition to another, or this process slept for so long that it may have."""


class LaneClosed(Exception):
    """The partition is being given back: stop waiting, touch nothing more."""


class Writes(Protocol):
    """Where a batch goes; see `stream_app.exactly_once.output`."""

    async def write(self, records: Sequence[OutputRecord]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a lane needs of the process: where it writes, what it restores from, whether it still owns its partition."""

    output: Writes
    restore: Callable[[str, int, Apply, threading.Event], Restored]
    owns: Callable[[int], bool]
    hold: Callable[[str, int], None]
    release: Callable[[str, int], None]
    fail: Fail


class Lane:
    """One partition of `agent` in one generation of the group."""

    def __init__(
        self, *, agent: str, partition: int, generation: int, after_seek: int, surroundings: Surroundings
    ) -> None:
        self.agent = agent
        self.partition = partition
        self.generation = generation
        self.is_restored = False
        self.waits_for: str | None = None
        self.decided_at = time.monotonic()
        self._after_seek = after_seek
        self._around = surroundings
        self._queue: deque[InputRecord] = deque()
        self._held: set[str] = set()
        self._chain: dict[str, tuple[int, int]] = {}
        self._taken_to: dict[str, int] = {}
        self._next: dict[str, int] = {}
        self._closing = asyncio.Event()
        self._wake = asyncio.Event()
        self._cancel_restore = threading.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def next_offsets(self) -> dict[str, int]:
        """By topic, the offset of the next record to decide; what is before it may be committed."""
        return dict(self._next)

    @property
    def is_idle(self) -> bool:
        return not self._queue

    def start(self, work: Callable[[Lane], Awaitable[None]]) -> None:
        self._task = asyncio.create_task(self._run(work), name=f"lane {self.agent}-{self.partition}")

    async def close(self) -> None:
        """Finish the batch in hand and stop; what is queued is left to the next owner."""
        self._closing.set()
        self._cancel_restore.set()
        self._wake.set()
        if self._task is None:
            return
        done, _ = await asyncio.wait([self._task], timeout=CLOSE_S_MAX)
        if not done:
            self._around.fail("lane_did_not_close", agent=self.agent, partition=self.partition)

    def take(self, fetch: Fetch) -> None:
        """Queue the records of the next fetch; a fetch of an earlier time is ignored, a gap raises ChainBroken."""
        if fetch.generation != self.generation or fetch.seek is None or fetch.seek <= self._after_seek:
            return  # Fetched before this lane was opened and its partition sought: it will be fetched again.
        before = self._chain.get(fetch.topic)
        if fetch.number == 0 and (before is None or fetch.seek > before[0]):
            self._next.setdefault(fetch.topic, fetch.sought)
            taken_to = self._taken_to.setdefault(fetch.topic, fetch.sought)
            if fetch.sought > taken_to:
                raise ChainBroken(f"{fetch.topic}-{fetch.partition}: sought {fetch.sought}, taken to {taken_to}")
        elif before is None or (fetch.seek, fetch.number) != (before[0], before[1] + 1):
            raise ChainBroken(f"{fetch.topic}-{fetch.partition}: {before}, then {(fetch.seek, fetch.number)}")
        self._chain[fetch.topic] = (fetch.seek, fetch.number)
        self._enqueue(fetch)

    def _enqueue(self, fetch: Fetch) -> None:
        taken_to = self._taken_to[fetch.topic]
        # After a second seek the first records have been taken already.
        self._queue.extend(record for record in fetch.records if record.offset >= taken_to)
        self._taken_to[fetch.topic] = max(taken_to, fetch.records[-1].offset + 1)
        self._wake.set()
        if len(self._queue) >= QUEUED_RECORDS_MAX and fetch.topic not in self._held:
            self._held.add(fetch.topic)
            self._around.hold(fetch.topic, self.partition)

    async def restore(self, topic: str, apply: Apply) -> None:
        """Hand the partition's records of `topic` to `apply`, to the end, in a thread; then the lane is ready."""
        restored = await asyncio.to_thread(self._around.restore, topic, self.partition, apply, self._cancel_restore)
        self.is_restored = True
        self.decided_at = time.monotonic()
        metrics.OPEN_LANES.labels(self.agent).inc()
        log.info(
            "lane_restored",
            agent=self.agent,
            partition=self.partition,
            records=restored.records,
            seconds=round(restored.seconds, 3),
        )

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield batches, in order, until the lane is closed."""
        while True:
            while not self._queue and not self._closing.is_set():
                self._wake.clear()
                await self._wake.wait()
            if self._closing.is_set():
                return
            yield self._next_batch()
            # A lane that always has work must not starve heartbeats and the other lanes.
            await asyncio.sleep(0)

    def _next_batch(self) -> Batch:
        count = min(len(self._queue), BATCH_RECORDS_MAX)
        batch = Batch(records=tuple(self._queue.popleft() for _ in range(count)))
        if self._held and len(self._queue) < QUEUED_RECORDS_MAX // 2:
            for topic in self._held:
                self._around.release(topic, self.partition)
            self._held.clear()
        return batch

    def give_back(self, batch: Batch, first: int) -> Batch:
        """Return the batch up to before record `first`; the rest comes again in the next one."""
        self._queue.extendleft(reversed(batch.records[first:]))
        return Batch(records=batch.records[:first])

    async def commit(self, batch: Batch, *stages: Sequence[OutputRecord]) -> None:
        """Write what was decided of `batch`, each stage acknowledged before the next, then let its offsets go.

        Raises PartitionLost before anything is written by a worker that may no longer own the partition. A worker that
        is stopped between this check and the write, for longer than the session timeout, still overwrites: only
        fencing, with output and offsets in one transaction, closes that.
        """
        if not batch.records:
            return
        started = time.monotonic()
        for stage in stages:
            if not self._around.owns(self.generation):
                raise PartitionLost(f"{self.agent}-{self.partition}, generation {self.generation}")
            await self._around.output.write(stage)
        self._next.update(batch.next_offsets())
        self.decided_at = time.monotonic()
        metrics.COMMIT_S.labels(self.agent).observe(self.decided_at - started)
        metrics.BATCH_RECORDS.labels(self.agent).observe(len(batch.records))
        for topic, count in _count_by_topic(batch):
            metrics.RECORDS.labels(self.agent, topic).inc(count)

    async def wait(self, seconds: float, *, what: str) -> None:
        """Wait for something outside, called `what` by health and watchdog; raises LaneClosed when the lane closes."""
        self.waits_for = what
        metrics.WAITING_LANES.labels(self.agent).inc()
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self.waits_for = None
            self.decided_at = time.monotonic()
            metrics.WAITING_LANES.labels(self.agent).dec()
        raise LaneClosed(what)

    async def _run(self, work: Callable[[Lane], Awaitable[None]]) -> None:
        try:
            await work(self)
        except LaneClosed:
            pass
        except BaseException as error:
            if self._closing.is_set() and not self.is_restored:
                return  # The restore was cut short; nothing had been decided.
            self._around.fail("lane_failed", error, agent=self.agent, partition=self.partition)
        finally:
            if self.is_restored:
                metrics.OPEN_LANES.labels(self.agent).dec()


def _count_by_topic(batch: Batch) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for record in batch.records:
        counts[record.topic] = counts.get(record.topic, 0) + 1
    return list(counts.items())
