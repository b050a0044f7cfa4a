"""A lane: one partition of one agent, and the only writer of that partition's state.

Its work is a coroutine of the application, one paragraph: restore, then for each batch look up, decide, commit, apply.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec
import structlog

from stream_app.exactly_once import metrics
from stream_app.exactly_once.decided import HEADER, told
from stream_app.exactly_once.fail_stop import Fail
from stream_app.exactly_once.gaps import Gap
from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.records import Batch, Fetch, InputRecord, OutputRecord, TopicPartitionNumber
from stream_app.exactly_once.restore import Restored, Store
from stream_app.exactly_once.transactions import is_fenced

# One batch is one wait for Kafka: large enough to spread its cost, small enough that a restart repeats little.
BATCH_RECORDS_MAX = 500
# A fetch is at most FETCH_BYTES_MAX bytes (worker.py); with this many records waiting no further one is asked for.
QUEUED_RECORDS_MAX = 4 * BATCH_RECORDS_MAX
# After a small batch a lane rests for as long as it took, at most so long, and records gather: a transaction costs the
# broker some milliseconds, whatever it holds. Who comes to a quiet lane is not kept waiting.
REST_S_MAX = 0.02
SMALL_BATCH_RECORDS = 100
# Longer than the transaction under way and its own next one may take; librdkafka does not always keep their bounds:
# send_offsets_to_transaction does not look at its time-out while it looks for the group's coordinator (#5456).
COMMIT_HANGS_S = 18.0
# Longer than a transaction may take, shorter than the group's rebalance timeout.
CLOSE_S_MAX = 25.0

Result = TypeVar("Result")

log = structlog.get_logger()


class ChainBroken(Exception):
    """A fetch is missing between this one and the last: deciding on would lose its records."""


class PartitionLost(Exception):
    """The group has given the partition to another, or this process slept for so long that it may have."""


class CommitHangs(Exception):
    """A commit did not end within its bound; its thread cannot be stopped, so the process has to end."""


class LaneClosed(Exception):
    """The partition is being given back: stop waiting, touch nothing more."""


class Transactions(Protocol):
    """Where a batch goes, blocking; see `stream_app.exactly_once.transactions`."""

    def fence(self) -> None: ...

    def coming(self) -> None: ...

    def commit(
        self, records: Sequence[OutputRecord], offsets: Mapping[TopicPartitionNumber, int], member: GroupMember
    ) -> dict[TopicPartitionNumber, int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a lane needs of the process: where it writes, what it restores from, whether it still owns its partition.

    `store` makes that of an agent's partition, `member` is who commits in a generation.
    `find_gaps` blocks; `accept_gap` returns the record that tells of a gap, or None when nobody has accepted it.
    `topic_id` is Kafka's own id of an input, asked for once the lane is restored.
    """

    transactions: Transactions
    store: Callable[[str, int], Store]
    restore: Callable[[str, int, int, Store, threading.Event], Restored]
    owns: Callable[[int], bool]
    member: Callable[[int], GroupMember]
    hold: Callable[[str, int], None]
    release: Callable[[str, int], None]
    fail: Fail
    find_gaps: Callable[[Collection[TopicPartitionNumber]], Sequence[Gap]] = lambda _partitions: ()
    accept_gap: Callable[[Gap], OutputRecord | None] = lambda _gap: None
    topic_id: Callable[[str], str] = lambda topic: topic
    commit_s_max: float = COMMIT_HANGS_S
    rest_s_max: float = REST_S_MAX


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
        self._transactions = surroundings.transactions
        self._store: Store | None = None
        self._state_topic = ""
        # Its own, so that lanes wait for Kafka side by side, and one that hangs holds back no other.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"{agent}-{partition}")
        self._queue: deque[InputRecord] = deque()
        self._in_hand = False
        self._held: set[str] = set()
        self._chain: dict[str, tuple[int, int]] = {}
        self._taken_to: dict[str, int] = {}
        self._next: dict[str, int] = {}
        self._decided: dict[str, int] = {}
        self._closing = asyncio.Event()
        self._wake = asyncio.Event()
        self._cancel_restore = threading.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def next_offsets(self) -> dict[str, int]:
        """By topic, the offset of the next record to decide; what is before it is committed."""
        return dict(self._next)

    def progress(self, topic: str) -> tuple[int, ...]:
        """Return what changes while this lane gets on with what it was given of a topic.

        That is its next offset. While records of it wait here, or are not fetched because the lane has enough to do,
        the other topics' count as well: one fetch of those may be tens of thousands of records that stand before it.
        """
        position = self._next.get(topic, 0)
        waits_here = topic in self._held or self._taken_to.get(topic, 0) > position
        return tuple(self.next_offsets.values()) if waits_here else (position,)

    @property
    def is_idle(self) -> bool:
        """Say whether everything that was fetched has been decided and committed, so that a lag is not ours."""
        return not self._queue and not self._in_hand

    async def fence(self) -> None:
        """Shut a former process of this worker out, or fail the process."""
        try:
            # Checked on both sides: a worker that slept here would fence the rightful owner, and must not go on.
            self._check_ownership()
            await self._blocking(self._transactions.fence)
            self._check_ownership()
        except Exception as error:
            if not self._closing.is_set():
                self._around.fail("lane_not_fenced", error, agent=self.agent, partition=self.partition)

    async def cross(self, gap: Gap, record: OutputRecord) -> None:
        """Commit the offset behind a gap, and the record that tells of it, in one transaction: once, whatever fails."""
        self._check_ownership()
        offsets = {(gap.topic, gap.partition): gap.last + 1}
        await self._blocking(self._transactions.commit, [record], offsets, self._around.member(self.generation))
        metrics.GAP_RECORDS.labels(gap.topic, str(gap.partition)).inc(gap.last + 1 - gap.first)
        log.warning("gap_accepted", agent=self.agent, gap=str(gap))

    def start(self, work: Callable[[Lane], Awaitable[None]]) -> None:
        """Let `work` decide the partition; nothing when the lane was closed while it was being fenced."""
        if self._closing.is_set():
            return
        self._task = asyncio.create_task(self._run(work), name=f"lane {self.agent}-{self.partition}")

    async def close(self) -> None:
        """Finish the batch in hand and stop; what is queued is left to the next owner."""
        self._closing.set()
        self._cancel_restore.set()
        self._wake.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=CLOSE_S_MAX)
            if not done:
                self._around.fail("lane_did_not_close", agent=self.agent, partition=self.partition)
        self._thread.shutdown(wait=False)
        if self._store is not None:
            self._store.close()

    def take(self, fetch: Fetch) -> None:
        """Queue the records of the next fetch; a fetch of an earlier time is ignored, a gap raises ChainBroken."""
        if fetch.generation != self.generation or fetch.seek is None or fetch.seek <= self._after_seek:
            return  # Fetched before this lane was opened and its partition sought: it will be fetched again.
        before = self._chain.get(fetch.topic)
        if fetch.number == 0 and (before is None or fetch.seek > before[0]):
            if fetch.topic not in self._next:
                self._next[fetch.topic] = self._taken_to[fetch.topic] = fetch.sought
                self._go_behind_decided(fetch.topic)
            taken_to = self._taken_to[fetch.topic]
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

    def _go_behind_decided(self, topic: str) -> None:
        """Pass over what the log itself tells is decided: a broker can come back with the group's offsets of before."""
        decided_to = self._decided.get(topic, 0)
        if decided_to <= self._next[topic]:
            return
        log.warning(
            "offsets_behind_the_log",
            agent=self.agent,
            topic=topic,
            partition=self.partition,
            committed=self._next[topic],
            decided_to=decided_to,
        )
        metrics.OFFSETS_BEHIND.labels(self.agent).inc()
        self._next[topic] = decided_to
        self._taken_to[topic] = max(self._taken_to[topic], decided_to)
        self._queue = deque(record for record in self._queue if record.topic != topic or record.offset >= decided_to)

    async def restore(self, topic: str, *, form: int = 0) -> Store:
        """Return the lane's state: all records of the partition of `topic`, newest of each key. Then it is ready.

        `form` numbers how the application writes its values: a store of another form is filled again.
        """
        store = self._store = self._around.store(self.agent, self.partition)
        self._state_topic = topic
        restored = await self._blocking(self._around.restore, topic, self.partition, form, store, self._cancel_restore)
        self._decided = dict(restored.decided)
        for taken in self._next:
            self._go_behind_decided(taken)
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
        return store

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield batches, in order, until the lane is closed."""
        while True:
            while not self._queue and not self._closing.is_set():
                self._wake.clear()
                await self._wake.wait()
            if self._closing.is_set():
                return
            self._in_hand = True
            batch = self._next_batch()
            began = time.monotonic()
            yield batch
            self._in_hand = False
            await self._rest(len(batch.records), time.monotonic() - began)

    async def _rest(self, records: int, took_s: float) -> None:
        """Let records gather after a small batch; let heartbeats and the other lanes have their turn after any."""
        if records >= SMALL_BATCH_RECORDS:
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), min(took_s, self._around.rest_s_max))

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

    async def commit(
        self, batch: Batch, *stages: Sequence[OutputRecord], state: Mapping[bytes, bytes | None] | None = None
    ) -> None:
        """Write what was decided of `batch`, stage after stage, and the offsets of its input, in one transaction.

        `state` is what the written records change in the lane's store; it is applied when they are committed.
        A batch that decided nothing commits its offsets. Raises PartitionLost when this worker may no longer own the
        partition; if it finds out too late, the broker refuses, and KafkaException is raised.
        """
        if not batch.records:
            return
        started = time.monotonic()
        if len(batch.records) < SMALL_BATCH_RECORDS:
            # What was fetched at once is decided in one turn of the event loop, and in one transaction then.
            self._transactions.coming()
            await asyncio.sleep(0)
        self._check_ownership()
        offsets = batch.next_offsets()
        committing = self._blocking(
            self._commit,
            [record for stage in stages for record in stage],
            {(topic, self.partition): offset for topic, offset in offsets.items()},
            self._around.member(self.generation),
            state or {},
        )
        try:
            await asyncio.wait_for(committing, self._around.commit_s_max)
        except TimeoutError:
            raise CommitHangs(f"{self.agent}-{self.partition}, {len(batch.records)} records") from None
        self._next.update(offsets)
        self.decided_at = time.monotonic()
        metrics.COMMIT_S.labels(self.agent).observe(self.decided_at - started)
        metrics.BATCH_RECORDS.labels(self.agent).observe(len(batch.records))
        for topic, count in Counter(record.topic for record in batch.records).items():
            metrics.RECORDS.labels(self.agent, topic).inc(count)

    def _commit(
        self,
        records: Sequence[OutputRecord],
        offsets: Mapping[TopicPartitionNumber, int],
        member: GroupMember,
        state: Mapping[bytes, bytes | None],
    ) -> None:
        decided = {**self._decided, **{topic: offset for (topic, _), offset in offsets.items()}}
        how_far = told({self._around.topic_id(topic): offset for topic, offset in decided.items()})
        ends = self._transactions.commit(self._telling(how_far, records), offsets, member)
        self._decided = decided
        if state:
            assert self._store is not None, "restore first"
            self._store.write(state, next_offset=ends[self._state_topic, self.partition], decided=how_far)

    def _telling(self, how_far: bytes, records: Sequence[OutputRecord]) -> Sequence[OutputRecord]:
        """Return the records, the last of them on the state's topic telling how far the input is decided with it."""
        for place in range(len(records) - 1, -1, -1):
            record = records[place]
            if record.topic == self._state_topic:
                telling = msgspec.structs.replace(record, headers=[*record.headers, (HEADER, how_far)])
                return [*records[:place], telling, *records[place + 1 :]]
        return records

    def _check_ownership(self) -> None:
        if not self._around.owns(self.generation):
            raise PartitionLost(f"{self.agent}-{self.partition}, generation {self.generation}")

    async def _blocking(self, call: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

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
            reason = "lane_fenced" if isinstance(error, PartitionLost) or is_fenced(error) else "lane_failed"
            self._around.fail(reason, error, agent=self.agent, partition=self.partition)
        finally:
            if self.is_restored:
                metrics.OPEN_LANES.labels(self.agent).dec()
