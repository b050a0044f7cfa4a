"""Lanes share transactions: each commit is in exactly one, and hears what became of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream_app.exactly_once import transactions
from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.lane import Lane
from stream_app.exactly_once.records import OutputRecord
from stream_app.exactly_once.transactions import WorkerTransactions
from tests.unit.stream_app.fetched import Process, fetch, settled

WAIT_S_MAX = 10.0
LANES = 8


@dataclass
class Delivered:
    """A record as its delivery is told."""

    at: tuple[str, int, int]

    def topic(self) -> str:
        return self.at[0]

    def partition(self) -> int:
        return self.at[1]

    def offset(self) -> int:
        return self.at[2]


@dataclass
class FakeProducer:
    """Stands in for librdkafka's producer: `done` has each transaction's values, offsets and member."""

    before_commit: Callable[[], Any] = lambda: None
    done: list[tuple[list[bytes], dict[tuple[str, int], int], bytes]] = field(default_factory=list)
    _open: list[tuple[Any, ...]] | None = None
    _offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    _member: bytes = b""
    _ends: dict[tuple[str, int], int] = field(default_factory=dict)

    def init_transactions(self, _seconds: float) -> None:
        """Nobody else writes."""

    def begin_transaction(self) -> None:
        assert self._open is None, "one transaction at a time"
        self._open = []

    def produce(self, topic: str, value: bytes, _key: bytes, partition: int, told: Any, headers: Any) -> None:
        assert self._open is not None
        self._open.append((topic, partition, value, told))

    def send_offsets_to_transaction(self, positions: list[Any], member: bytes, _seconds: float) -> None:
        self._offsets = {(each.topic, each.partition): each.offset for each in positions}
        self._member = member

    def commit_transaction(self, _seconds: float) -> None:
        self.before_commit()
        assert self._open is not None
        for topic, partition, _, told in self._open:
            offset = self._ends.get((topic, partition), 0)
            self._ends[topic, partition] = offset + 1
            if told is not None:
                told(None, Delivered((topic, partition, offset)))
        self.done.append(([value for _, _, value, _ in self._open], self._offsets, self._member))
        self._open = None


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> FakeProducer:
    made = FakeProducer()
    monkeypatch.setattr(transactions, "Producer", lambda _settings: made)
    return made


@pytest.fixture
def lanes() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(LANES) as pool:
        yield pool


def member(generation: int = 1) -> GroupMember:
    return GroupMember(group="group", generation=generation, member_id="member", instance="stream-0")


def fenced() -> WorkerTransactions:
    worker = WorkerTransactions("nowhere", transactional_id="worker", client_id="worker")
    worker.fence()
    return worker


def commit_one(worker: WorkerTransactions, lane: int, number: int = 0, generation: int = 1) -> int:
    """Commit a record of a lane and return the offset after it."""
    record = OutputRecord(topic="events", key=b"k", value=b"%d-%d" % (lane, number), partition=lane)
    ends = worker.commit([record], {("commands", lane): number + 1}, member(generation))
    return ends["events", lane]


class Gate:
    """Holds the first transaction up until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.opened.wait(WAIT_S_MAX)


def wait_until_waiting(worker: WorkerTransactions, count: int) -> None:
    waited = threading.Event()
    for _ in range(1000):
        if len(worker._waiting) == count:
            return
        waited.wait(0.01)
    pytest.fail(f"{len(worker._waiting)} wait, not {count}")


def test_a_lane_alone_waits_for_nobody(producer: FakeProducer) -> None:
    worker = fenced()
    assert [commit_one(worker, 3, number) for number in range(3)] == [1, 2, 3]
    assert [values for values, _, _ in producer.done] == [[b"3-0"], [b"3-1"], [b"3-2"]]


def test_lanes_that_come_while_a_transaction_is_under_way_share_the_next(
    producer: FakeProducer, lanes: ThreadPoolExecutor
) -> None:
    worker, gate = fenced(), Gate()
    producer.before_commit = gate
    first = lanes.submit(commit_one, worker, 0)
    assert gate.reached.wait(WAIT_S_MAX)
    later = []
    for lane in (1, 2, 3):
        later.append(lanes.submit(commit_one, worker, lane))
        wait_until_waiting(worker, lane)
    gate.opened.set()
    assert [each.result(WAIT_S_MAX) for each in (first, *later)] == [1, 1, 1, 1]
    assert producer.done == [
        ([b"0-0"], {("commands", 0): 1}, member().metadata()),
        ([b"1-0", b"2-0", b"3-0"], {("commands", 1): 1, ("commands", 2): 1, ("commands", 3): 1}, member().metadata()),
    ]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whoever is coming waited for on the slowest machine, too."""
    monkeypatch.setattr(transactions, "ON_THE_WAY_S_MAX", WAIT_S_MAX)


@pytest.mark.usefixtures("unhurried")
def test_a_lane_that_is_coming_is_waited_for(producer: FakeProducer, lanes: ThreadPoolExecutor) -> None:
    worker = fenced()
    worker.coming()
    worker.coming()
    first = lanes.submit(commit_one, worker, 0)
    wait_until_waiting(worker, 1)
    second = lanes.submit(commit_one, worker, 1)
    assert [each.result(WAIT_S_MAX) for each in (first, second)] == [1, 1]
    assert [values for values, _, _ in producer.done] == [[b"0-0", b"1-0"]]


@pytest.mark.usefixtures("unhurried")
def test_lanes_that_were_given_records_at_once_share_a_transaction(producer: FakeProducer) -> None:
    async def work(lane: Lane) -> None:
        await lane.restore("events")
        async for batch in lane.batches():
            await lane.commit(batch, [OutputRecord(topic="events", key=each.key, value=b"v") for each in batch.records])

    async def history() -> None:
        around = replace(Process().surroundings(), transactions=fenced())
        lanes = [
            Lane(agent="echo", partition=number, generation=1, after_seek=0, surroundings=around)
            for number in range(LANES)
        ]
        for lane in lanes:
            lane.start(work)
        await settled(lambda: all(lane.is_restored for lane in lanes))
        for lane in lanes:
            lane.take(fetch(0, [0]))
        await settled(lambda: all(lane.next_offsets == {"commands": 1} for lane in lanes))
        for lane in lanes:
            await lane.close()

    asyncio.run(history())
    assert [len(values) for values, _, _ in producer.done] == [LANES]


def test_a_lane_that_never_comes_holds_nobody_up_for_long(producer: FakeProducer) -> None:
    worker = fenced()
    worker.coming()
    worker.coming()
    assert [commit_one(worker, 0, number) for number in range(2)] == [1, 2]
    assert worker._on_the_way == 0


def test_lanes_of_two_generations_share_no_transaction(producer: FakeProducer, lanes: ThreadPoolExecutor) -> None:
    worker, gate = fenced(), Gate()
    producer.before_commit = gate
    all_of_them = [lanes.submit(commit_one, worker, 0)]
    assert gate.reached.wait(WAIT_S_MAX)
    for count, (lane, generation) in enumerate([(1, 1), (2, 2), (3, 2)], 1):
        all_of_them.append(lanes.submit(commit_one, worker, lane, 0, generation))
        wait_until_waiting(worker, count)
    gate.opened.set()
    assert [each.result(WAIT_S_MAX) for each in all_of_them] == [1, 1, 1, 1]
    assert [(values, told) for values, _, told in producer.done] == [
        ([b"0-0"], member(1).metadata()),
        ([b"1-0"], member(1).metadata()),
        ([b"2-0", b"3-0"], member(2).metadata()),
    ]


def test_a_failure_is_told_to_every_lane_that_shared_it(producer: FakeProducer, lanes: ThreadPoolExecutor) -> None:
    worker, gate = fenced(), Gate()
    refusal = KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION))

    def refuse() -> None:
        gate()
        if producer.done:
            raise refusal

    producer.before_commit = refuse
    first = lanes.submit(commit_one, worker, 0)
    assert gate.reached.wait(WAIT_S_MAX)
    later = []
    for lane in (1, 2):
        later.append(lanes.submit(commit_one, worker, lane))
        wait_until_waiting(worker, lane)
    gate.opened.set()
    assert first.result(WAIT_S_MAX) == 1
    assert [each.exception(WAIT_S_MAX) for each in later] == [refusal, refusal]


def test_lanes_that_waited_begin_nothing_when_their_partitions_were_lost_meanwhile(
    producer: FakeProducer, lanes: ThreadPoolExecutor
) -> None:
    gate, lost = Gate(), LookupError("no longer ours")

    def check(_member: GroupMember) -> None:
        if gate.opened.is_set():
            raise lost

    worker = WorkerTransactions("nowhere", transactional_id="worker", client_id="worker", check=check)
    worker.fence()
    producer.before_commit = gate
    first = lanes.submit(commit_one, worker, 0)
    assert gate.reached.wait(WAIT_S_MAX)
    later = lanes.submit(commit_one, worker, 1)
    wait_until_waiting(worker, 1)
    gate.opened.set()
    assert first.result(WAIT_S_MAX) == 1
    assert later.exception(WAIT_S_MAX) is lost
    assert [values for values, _, _ in producer.done] == [[b"0-0"]]


def test_whatever_comes_when_each_commit_is_in_one_transaction(
    producer: FakeProducer, lanes: ThreadPoolExecutor
) -> None:
    worker, turns = fenced(), 200

    def work(lane: int) -> list[int]:
        return [commit_one(worker, lane, number) for number in range(turns)]

    working = [lanes.submit(work, lane) for lane in range(LANES)]
    assert [each.result(WAIT_S_MAX) for each in working] == [list(range(1, turns + 1))] * LANES
    written = [value for values, _, _ in producer.done for value in values]
    assert sorted(written) == sorted(b"%d-%d" % (lane, number) for lane in range(LANES) for number in range(turns))
    assert not worker._is_led
