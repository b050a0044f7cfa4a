"""A lane takes only the next fetch, writes only what it owns, and output and offsets are one transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from confluent_kafka import KafkaError, KafkaException

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

WAIT_S_MAX = 5.0


def lane_of(process: Process, *, after_seek: int = 0) -> Lane:
    return Lane(agent="echo", partition=0, generation=1, after_seek=after_seek, surroundings=process.surroundings())


async def echo(lane: Lane) -> None:
    await lane.restore("events")
    async for batch in lane.batches():
        await lane.commit(
            batch, [OutputRecord(topic="events", key=record.key, value=record.value) for record in batch.records]
        )


def decided(process: Process) -> list[bytes | None]:
    return [record.value for transaction in process.log.committed for record in transaction]


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


def test_a_commit_that_hangs_ends_the_process_and_is_no_idle_lane_meanwhile() -> None:
    process, released = Process(), threading.Event()
    process.log.before_commit = released.wait
    surroundings = replace(process.surroundings(), commit_s_max=0.2)

    async def history() -> None:
        lane = Lane(agent="echo", partition=0, generation=1, after_seek=0, surroundings=surroundings)
        lane.start(echo)
        lane.take(fetch(0, [0]))
        await settled(lambda: bool(process.failures))
        # What was fetched is not decided: the watchdog must see that as a lag of this lane's.
        assert not lane.is_idle
        released.set()

    asyncio.run(history())
    assert [reason for reason, *_ in process.failures] == ["lane_failed"]


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


@pytest.mark.parametrize("fetched_while_restoring", [True, False])
def test_what_the_log_tells_is_decided_is_passed_over_when_the_offsets_are_behind_it(
    fetched_while_restoring: bool,
) -> None:
    async def history() -> Process:
        process = Process(decided={"commands": 7, "reports": 3})
        is_fetched = threading.Event()
        if fetched_while_restoring:
            process.before_restore = lambda: is_fetched.wait(WAIT_S_MAX)
        lane = lane_of(process)
        lane.start(echo)
        if not fetched_while_restoring:
            await settled(lambda: lane.is_restored)
        lane.take(fetch(0, [0, 1, 5, 6]))
        lane.take(fetch(0, [5], topic="reports", sought=5))
        lane.take(fetch(1, [7, 8]))
        is_fetched.set()
        await settled(lambda: lane.next_offsets == {"commands": 9, "reports": 6})
        await lane.close()
        return process

    assert decided(asyncio.run(history())) == [b"5", b"7", b"8"]


def test_the_last_event_of_a_transaction_tells_how_far_its_input_is_decided() -> None:
    process = Process(decided={"reports": 3})

    run_echo(process, [fetch(0, [5, 6], sought=5)], until=lambda lane: lane.next_offsets.get("commands") == 7)

    assert [record.headers for record in process.log.committed[0]] == [[], [("decided", b"commands:7 reports:3")]]


def test_offsets_wait_for_the_commit() -> None:
    async def history() -> None:
        process = Process()
        is_committing, acknowledged = threading.Event(), threading.Event()

        def commit_slowly() -> None:
            is_committing.set()
            acknowledged.wait()

        process.log.before_commit = commit_slowly
        lane = lane_of(process)
        lane.start(echo)
        lane.take(fetch(0, [0, 1]))
        await settled(is_committing.is_set)
        assert lane.next_offsets == {"commands": 0}
        acknowledged.set()
        await settled(lambda: lane.next_offsets == {"commands": 2})
        await lane.close()

    asyncio.run(history())


def test_all_stages_and_the_offsets_of_every_topic_are_one_transaction_in_the_name_of_the_generation() -> None:
    secret = OutputRecord(topic="secrets", key=b"k", value=b"s", partition=0)
    event = OutputRecord(topic="events", key=b"k", value=b"e", partition=0)
    elsewhere = OutputRecord(topic="commands", key=b"k", value=b"c", partition=3)

    async def history() -> Process:
        process = Process()
        lane = lane_of(process)
        records = (*fetch(0, [5, 7]).records, *fetch(0, [40], topic="reports").records)
        await lane.commit(Batch(records=records), [secret], [event, elsewhere])
        await lane.close()
        return process

    log = asyncio.run(history()).log
    assert log.committed == [[secret, event, elsewhere]]
    assert log.offsets == [{("commands", 0): 8, ("reports", 0): 41}]
    assert [member.generation for member in log.members] == [1]


def test_a_batch_without_output_commits_its_offsets_and_an_empty_batch_nothing() -> None:
    async def history() -> Process:
        process = Process()
        lane = lane_of(process)
        await lane.commit(Batch(records=tuple(fetch(0, [5]).records)))
        await lane.commit(Batch(records=()))
        await lane.close()
        return process

    log = asyncio.run(history()).log
    assert log.committed == [[]]
    assert log.offsets == [{("commands", 0): 6}]


def test_state_is_applied_after_the_commit_with_the_offset_that_the_log_gave() -> None:
    async def history() -> None:
        process = Process()
        lane = lane_of(process)
        await lane.restore("events")
        events = [OutputRecord(topic="events", key=b"k", value=b"e", partition=0) for _ in range(3)]
        process.log.before_commit = lambda: process.memory.values and pytest.fail("applied before the commit")
        await lane.commit(Batch(records=tuple(fetch(0, [5]).records)), events, state={b"k": b"e"})
        assert process.memory.values == {b"k": b"e"}
        assert process.memory.next_offset == 3
        await lane.close()

    asyncio.run(history())


def test_state_of_a_failed_commit_is_not_applied() -> None:
    async def history() -> None:
        process = Process()

        def refuse() -> None:
            raise OSError("no broker")

        process.log.before_commit = refuse
        lane = lane_of(process)
        await lane.restore("events")
        event = OutputRecord(topic="events", key=b"k", value=b"e", partition=0)
        with pytest.raises(OSError, match="no broker"):
            await lane.commit(Batch(records=tuple(fetch(0, [5]).records)), [event], state={b"k": b"e"})
        assert process.memory.values == {}
        await lane.close()

    asyncio.run(history())


def test_a_worker_that_lost_its_partition_fences_nobody() -> None:
    async def history() -> None:
        process = Process(is_owner=False)
        await lane_of(process).fence()
        assert process.log.fences == 0
        assert isinstance(process.failures[0][1], PartitionLost)

    asyncio.run(history())


def test_a_worker_that_slept_while_it_fenced_goes_no_further() -> None:
    async def history() -> None:
        process = Process()

        def sleep() -> None:
            process.is_owner = False

        process.log.before_fence = sleep
        await lane_of(process).fence()
        [(reason, error)] = process.failures
        assert reason == "lane_not_fenced"
        assert isinstance(error, PartitionLost)

    asyncio.run(history())


def test_a_lane_that_was_closed_while_it_fenced_does_not_start() -> None:
    async def history() -> None:
        process = Process(history=[(b"k", b"v")])
        lane = lane_of(process)
        await lane.fence()
        await lane.close()
        lane.start(echo)
        await asyncio.sleep(0.01)
        assert not lane.is_restored

    asyncio.run(history())


def test_a_lane_that_lost_its_partition_writes_nothing_and_fails() -> None:
    process = Process(is_owner=False)

    lane = run_echo(process, [fetch(0, [0])], until=lambda _: bool(process.failures))

    assert decided(process) == []
    assert lane.next_offsets == {"commands": 0}
    [(reason, error)] = process.failures
    assert reason == "lane_fenced"
    assert isinstance(error, PartitionLost)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(OSError("no broker"), "lane_failed", id="any failure"),
        pytest.param(KafkaException(KafkaError(KafkaError._FENCED)), "lane_fenced", id="another fenced it"),
        pytest.param(KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION)), "lane_fenced", id="a stale member"),
        pytest.param(KafkaException(KafkaError(KafkaError._TIMED_OUT)), "lane_failed", id="no answer"),
    ],
)
def test_a_failed_commit_fails_the_process_and_moves_no_offset(error: Exception, reason: str) -> None:
    process = Process()

    def refuse() -> None:
        raise error

    process.log.before_commit = refuse
    lane = run_echo(process, [fetch(0, [0])], until=lambda _: bool(process.failures))

    assert lane.next_offsets == {"commands": 0}
    assert process.failures == [(reason, error)]


def test_a_failed_restore_fails_the_process() -> None:
    def fail() -> None:
        raise ValueError("unreadable")

    process = Process(before_restore=fail)

    async def work(lane: Lane) -> None:
        await lane.restore("events")

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
        await lane.restore("events")
        async for batch in lane.batches():
            sizes.append(len(batch.records))
            await lane.commit(batch)

    run_work(process, work, list(range(QUEUED_RECORDS_MAX + 1)))

    assert max(sizes) == BATCH_RECORDS_MAX
    assert sum(sizes) == QUEUED_RECORDS_MAX + 1
    assert process.held == ["commands"]
    assert process.released == ["commands"]


def test_after_a_small_batch_records_gather_for_as_long_as_it_took() -> None:
    async def history() -> None:
        process = Process()
        process.log.before_commit = lambda: threading.Event().wait(0.5)
        around = replace(process.surroundings(), rest_s_max=WAIT_S_MAX)
        lane = Lane(agent="echo", partition=0, generation=1, after_seek=0, surroundings=around)
        lane.start(echo)
        lane.take(fetch(0, [0]))
        await settled(lambda: lane.next_offsets == {"commands": 1})
        for number in (1, 2, 3):
            lane.take(fetch(number, [number]))
            await asyncio.sleep(0)
        await settled(lambda: lane.next_offsets == {"commands": 4})
        assert [len(transaction) for transaction in process.log.committed] == [1, 3]
        await lane.close()

    asyncio.run(history())


def test_closing_ends_a_rest() -> None:
    async def history() -> None:
        process = Process()
        process.log.before_commit = lambda: threading.Event().wait(0.5)
        around = replace(process.surroundings(), rest_s_max=WAIT_S_MAX)
        lane = Lane(agent="echo", partition=0, generation=1, after_seek=0, surroundings=around)
        lane.start(echo)
        lane.take(fetch(0, [0]))
        await settled(lambda: lane.next_offsets == {"commands": 1})
        lane.take(fetch(1, [1]))
        await lane.close()
        assert lane.next_offsets == {"commands": 1}, "what was not begun is left to the next owner"
        assert not process.failures

    asyncio.run(history())


def test_what_is_given_back_comes_again_first_and_in_order() -> None:
    process = Process()
    seen: list[list[int]] = []

    async def work(lane: Lane) -> None:
        await lane.restore("events")
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
        is_writing, acknowledged = threading.Event(), threading.Event()

        def write_slowly() -> None:
            is_writing.set()
            acknowledged.wait()

        process.log.before_commit = write_slowly
        lane = lane_of(process)
        lane.start(echo)
        lane.take(fetch(0, list(range(BATCH_RECORDS_MAX + 10))))
        await settled(is_writing.is_set)
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
            await lane.restore("events")
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


def test_a_topic_gets_on_while_what_stands_before_its_records_does_and_not_by_what_is_fetched_without_it() -> None:
    async def history() -> None:
        lane, turns = lane_of(Process()), asyncio.Semaphore(0)

        async def by_turns(lane: Lane) -> None:
            await lane.restore("events")
            async for batch in lane.batches():
                await turns.acquire()
                await lane.commit(batch)

        async def until(topic: str, offset: int) -> None:
            turns.release()
            await settled(lambda: lane.next_offsets[topic] == offset)

        lane.start(by_turns)
        lane.take(fetch(0, range(2 * BATCH_RECORDS_MAX), topic="reports"))
        lane.take(fetch(0, [0], topic="commands"))
        before = lane.progress("commands")
        await until("reports", BATCH_RECORDS_MAX)
        assert lane.progress("commands") != before
        await until("reports", 2 * BATCH_RECORDS_MAX)
        await until("commands", 1)
        before = lane.progress("commands")
        lane.take(fetch(1, [5000], topic="reports"))
        await until("reports", 5001)
        assert lane.progress("commands") == before
        await lane.close()

    asyncio.run(history())
