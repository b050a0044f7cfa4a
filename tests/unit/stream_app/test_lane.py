"""A lane takes only the next fetch, writes only what it owns, and lets offsets go only when the log has the output."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stream_app.exactly_once.lane import (
    BATCH_RECORDS_MAX,
    QUEUED_RECORDS_MAX,
    ChainBroken,
    Lane,
    LaneClosed,
    PartitionLost,
)
from stream_app.exactly_once.records import Batch, Fetch, OutputRecord
from tests.unit.stream_app.fetched import Process, fetch, settled


def lane_of(process: Process, *, after_seek: int = 0) -> Lane:
    return Lane(agent="echo", partition=0, generation=1, after_seek=after_seek, surroundings=process.surroundings())


async def echo(lane: Lane) -> None:
    await lane.restore("events", lambda _key, _value: None)
    async for batch in lane.batches():
        await lane.commit(
            batch, [OutputRecord(topic="events", key=record.key, value=record.value) for record in batch.records]
        )


def decided(process: Process) -> list[bytes | None]:
    return [record.value for stage in process.log.written for record in stage]


def run_echo(process: Process, fetches: list[Fetch], *, until: Callable[[Lane], bool]) -> Lane:
    async def history() -> Lane:
        lane = lane_of(process)
        lane.start(echo)
        for each in fetches:
            lane.take(each)
        await settled(lambda: until(lane))
        await lane.close()
        return lane

    return asyncio.run(history())


def test_fetches_in_order_are_decided_in_order_and_their_offsets_may_be_committed() -> None:
    process = Process()
    fetches = [fetch(0, [5, 6], sought=5), fetch(1, [7, 9]), fetch(2, [20])]

    lane = run_echo(process, fetches, until=lambda lane: lane.next_offsets.get("commands") == 21)

    assert decided(process) == [b"5", b"6", b"7", b"9", b"20"]
    assert not process.failures
    assert lane.next_offsets == {"commands": 21}


def test_two_topics_of_a_partition_have_chains_of_their_own() -> None:
    process = Process()
    fetches = [fetch(0, [0, 1]), fetch(0, [40], topic="reports", sought=40), fetch(1, [2])]

    lane = run_echo(process, fetches, until=lambda lane: lane.next_offsets.get("commands") == 3)

    assert decided(process) == [b"0", b"1", b"40", b"2"]
    assert lane.next_offsets == {"commands": 3, "reports": 41}


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(fetch(2, [7]), id="one is missing"),
        pytest.param(fetch(0, [6]), id="the same number again"),
        pytest.param(fetch(1, [7], seek=2), id="the first after a second seek is missing"),
        pytest.param(fetch(0, [9], seek=2, sought=9), id="a second seek went past what was taken"),
    ],
)
def test_a_break_in_the_chain_of_fetches_is_refused(second: Fetch) -> None:
    async def history() -> None:
        lane = lane_of(Process())
        lane.take(fetch(0, [5, 6], sought=5))
        with pytest.raises(ChainBroken):
            lane.take(second)

    asyncio.run(history())


def test_a_lane_that_missed_the_first_fetch_after_its_seek_refuses_the_second() -> None:
    async def history() -> None:
        with pytest.raises(ChainBroken):
            lane_of(Process()).take(fetch(1, [6]))

    asyncio.run(history())


@pytest.mark.parametrize(
    "stale",
    [
        pytest.param(fetch(7, [90], generation=0), id="of an earlier generation"),
        pytest.param(fetch(7, [90], seek=None), id="before any seek of this generation"),
        pytest.param(fetch(7, [90], seek=3), id="before this lane was opened"),
    ],
)
def test_what_was_fetched_before_the_lane_was_sought_is_ignored(stale: Fetch) -> None:
    async def history() -> None:
        lane = lane_of(Process(), after_seek=3)
        lane.take(stale)
        assert lane.is_idle
        assert lane.next_offsets == {}

    asyncio.run(history())


def test_records_that_come_again_after_a_second_seek_are_not_decided_again() -> None:
    process = Process()
    fetches = [fetch(0, [5, 6]), fetch(0, [5, 6, 7], seek=2, sought=5), fetch(1, [8], seek=2)]

    run_echo(process, fetches, until=lambda lane: lane.next_offsets.get("commands") == 9)

    assert decided(process) == [b"5", b"6", b"7", b"8"]


def test_offsets_wait_for_the_log() -> None:
    async def history() -> None:
        process = Process()
        acknowledged = asyncio.Event()
        process.log.before_write = acknowledged.wait
        lane = lane_of(process)
        lane.start(echo)
        lane.take(fetch(0, [0, 1]))
        await settled(lambda: lane.is_restored and lane.is_idle)
        await asyncio.sleep(0.01)
        assert lane.next_offsets == {"commands": 0}
        acknowledged.set()
        await settled(lambda: lane.next_offsets == {"commands": 2})
        await lane.close()

    asyncio.run(history())


def test_stages_are_written_one_after_the_other() -> None:
    async def history() -> Process:
        process = Process()
        lane = lane_of(process)
        records = tuple(fetch(0, [0]).records)
        secret = OutputRecord(topic="secrets", key=b"k", value=b"s")
        event = OutputRecord(topic="events", key=b"k", value=b"e")
        await lane.commit(Batch(records=records), [secret], [event])
        return process

    assert [[record.topic for record in stage] for stage in asyncio.run(history()).log.written] == [
        ["secrets"],
        ["events"],
    ]


def test_a_lane_that_lost_its_partition_writes_nothing_and_fails() -> None:
    process = Process(is_owner=False)

    lane = run_echo(process, [fetch(0, [0])], until=lambda _: bool(process.failures))

    assert decided(process) == []
    assert lane.next_offsets == {"commands": 0}
    [(reason, error)] = process.failures
    assert reason == "lane_failed"
    assert isinstance(error, PartitionLost)


def test_a_failed_write_fails_the_process_and_moves_no_offset() -> None:
    process = Process()

    async def refuse() -> None:
        raise OSError("no broker")

    process.log.before_write = refuse
    lane = run_echo(process, [fetch(0, [0])], until=lambda _: bool(process.failures))

    assert lane.next_offsets == {"commands": 0}
    assert isinstance(process.failures[0][1], OSError)


def test_a_failed_restore_fails_the_process() -> None:
    process = Process(history=[(b"k", b"v")])

    async def work(lane: Lane) -> None:
        def apply(_key: bytes, _value: bytes | None) -> None:
            raise ValueError("unreadable")

        await lane.restore("events", apply)

    async def history() -> None:
        lane = lane_of(process)
        lane.start(work)
        await settled(lambda: bool(process.failures))
        assert not lane.is_restored

    asyncio.run(history())
    assert isinstance(process.failures[0][1], ValueError)


def run_work(process: Process, work: Callable[[Lane], Awaitable[None]], offsets: list[int]) -> Lane:
    async def history() -> Lane:
        lane = lane_of(process)
        lane.start(work)
        lane.take(fetch(0, offsets))
        await settled(lambda: lane.next_offsets.get("commands") == offsets[-1] + 1)
        await lane.close()
        return lane

    return asyncio.run(history())


def test_batches_are_bounded_and_a_full_queue_holds_the_partition_until_it_has_room() -> None:
    process = Process()
    sizes = []

    async def work(lane: Lane) -> None:
        await lane.restore("events", lambda _key, _value: None)
        async for batch in lane.batches():
            sizes.append(len(batch.records))
            await lane.commit(batch)

    run_work(process, work, list(range(QUEUED_RECORDS_MAX + 1)))

    assert max(sizes) == BATCH_RECORDS_MAX
    assert sum(sizes) == QUEUED_RECORDS_MAX + 1
    assert process.held == ["commands"]
    assert process.released == ["commands"]


def test_what_is_given_back_comes_again_first_and_in_order() -> None:
    process = Process()
    seen: list[list[int]] = []

    async def work(lane: Lane) -> None:
        await lane.restore("events", lambda _key, _value: None)
        async for taken in lane.batches():
            seen.append([record.offset for record in taken.records])
            await lane.commit(lane.give_back(taken, 2) if len(seen) == 1 else taken)
            if len(seen) == 1:
                assert lane.next_offsets == {"commands": 2}

    run_work(process, work, [0, 1, 2, 3])

    assert seen == [[0, 1, 2, 3], [2, 3]]


def test_closing_finishes_the_batch_in_hand_and_leaves_the_rest() -> None:
    async def history() -> None:
        process = Process()
        is_writing, acknowledged = asyncio.Event(), asyncio.Event()

        async def write_slowly() -> None:
            is_writing.set()
            await acknowledged.wait()

        process.log.before_write = write_slowly
        lane = lane_of(process)
        lane.start(echo)
        lane.take(fetch(0, list(range(BATCH_RECORDS_MAX + 10))))
        await is_writing.wait()
        closing = asyncio.create_task(lane.close())
        await asyncio.sleep(0)
        assert not closing.done()
        acknowledged.set()
        await closing
        assert lane.next_offsets == {"commands": BATCH_RECORDS_MAX}
        assert len(decided(process)) == BATCH_RECORDS_MAX
        assert not process.failures

    asyncio.run(history())


def test_closing_ends_a_wait_for_something_outside() -> None:
    async def history() -> None:
        process = Process()
        ended = []

        async def work(lane: Lane) -> None:
            await lane.restore("events", lambda _key, _value: None)
            try:
                await lane.wait(60, what="schema 7")
            except LaneClosed:
                ended.append(lane.waits_for)
                raise

        lane = lane_of(process)
        lane.start(work)
        await settled(lambda: lane.waits_for == "schema 7")
        await lane.close()
        assert ended == [None]
        assert not process.failures

    asyncio.run(history())
