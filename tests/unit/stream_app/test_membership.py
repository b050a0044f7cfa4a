"""A worker whose place in the group is lost for good hears of it, though it fetches nothing."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from stream_app.exactly_once.fetches import NumberedConsumerThread


def thread_with(coordinator: object) -> NumberedConsumerThread:
    """Return a thread with a stand-in for aiokafka's consumer, which has this coordinator."""
    thread = object.__new__(NumberedConsumerThread)
    thread._consumer = SimpleNamespace(_coordinator=coordinator)
    return thread


def test_work_for_the_group_that_has_failed_is_told() -> None:
    async def fails() -> None:
        raise AssertionError("Did we not perform bootstrap?")

    async def history() -> None:
        task = asyncio.create_task(fails())
        thread = thread_with(SimpleNamespace(_coordination_task=task))
        assert thread.membership_failed is None, "it goes on"
        await asyncio.wait([task])
        assert isinstance(thread.membership_failed, AssertionError)

    asyncio.run(history())


def test_work_that_was_ended_in_order_or_has_not_begun_is_no_failure() -> None:
    async def history() -> None:
        ended, cancelled = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(asyncio.sleep(60))
        cancelled.cancel()
        await asyncio.wait([ended, cancelled])
        for task in (ended, cancelled):
            assert thread_with(SimpleNamespace(_coordination_task=task)).membership_failed is None
        assert thread_with(None).membership_failed is None

    asyncio.run(history())
