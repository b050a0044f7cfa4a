"""The lanes of a process: what is assigned together is decided together, after nothing of a former owner is open."""

from __future__ import annotations

import asyncio
import threading

import pytest

from stream_app.exactly_once.lane import Lane
from stream_app.exactly_once.lanes import LaneAgent, Lanes
from tests.unit.stream_app.fetched import Process, fetch, settled


async def count(lane: Lane) -> None:
    await lane.restore("events")
    async for batch in lane.batches():
        await lane.commit(batch)


def lanes_of(process: Process) -> Lanes:
    lanes = Lanes(process.surroundings())
    lanes.add(LaneAgent(name="payments", topics=("commands", "reports"), work=count))
    return lanes


ASSIGNED = {("commands", 0), ("reports", 0), ("commands", 1), ("reports", 1)}


def test_both_topics_of_a_partition_share_one_lane() -> None:
    async def history() -> None:
        lanes = lanes_of(Process())
        await lanes.open(ASSIGNED, generation=1, after_seek=0)
        assert len(lanes.all) == 2
        assert lanes.assigned["commands", 1] is lanes.assigned["reports", 1]
        await lanes.close()

    asyncio.run(history())


def test_topics_that_were_not_assigned_together_stop_the_worker() -> None:
    async def history() -> None:
        with pytest.raises(AssertionError, match="assigned together"):
            await lanes_of(Process()).open({("commands", 0), ("reports", 1)}, generation=1, after_seek=0)

    asyncio.run(history())


def test_no_lane_starts_before_all_former_owners_are_fenced() -> None:
    async def history() -> None:
        process = Process()
        is_fencing, fenced = threading.Event(), threading.Event()

        def fence_slowly() -> None:
            is_fencing.set()
            fenced.wait()

        process.log.before_fence = fence_slowly
        lanes = lanes_of(process)
        opening = asyncio.create_task(lanes.open(ASSIGNED, generation=1, after_seek=0))
        await settled(is_fencing.is_set)
        assert not lanes.is_assigned
        assert lanes.restoring() == ["payments-0", "payments-1"]
        fenced.set()
        await opening
        assert process.log.fences == 2
        await settled(lambda: lanes.restoring() == [])
        await lanes.close()

    asyncio.run(history())


def test_a_closed_process_takes_no_more_fetches() -> None:
    async def history() -> None:
        lanes = lanes_of(Process())
        await lanes.open(ASSIGNED, generation=1, after_seek=0)
        lane = lanes.assigned["commands", 0]
        await lanes.close()
        lanes.take(fetch(0, [0]))
        assert lane.is_idle

    asyncio.run(history())


def test_a_new_assignment_opens_new_lanes_that_restore_again() -> None:
    async def history() -> None:
        lanes = lanes_of(Process())
        await lanes.open(ASSIGNED, generation=1, after_seek=0)
        before = lanes.assigned["commands", 0]
        await lanes.open(ASSIGNED, generation=2, after_seek=1)
        assert lanes.assigned["commands", 0] is not before
        assert lanes.assigned["commands", 0].generation == 2
        await lanes.close()

    asyncio.run(history())
