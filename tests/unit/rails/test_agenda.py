"""What is to be done when."""

from __future__ import annotations

import asyncio
import time

from rails.agenda import Agenda


def now_us() -> int:
    return time.time_ns() // 1000


def test_what_is_due_is_taken_earliest_first_and_no_more_than_asked() -> None:
    async def go() -> tuple[list[str], list[str]]:
        agenda: Agenda[str] = Agenda(lambda: 100)
        for at_us, name in ((30, "c"), (10, "a"), (101, "later"), (20, "b"), (10, "a2")):
            agenda.add(at_us, name)
        return await agenda.take(3), await agenda.take(3)

    assert asyncio.run(go()) == (["a", "a2", "b"], ["c"])


def test_a_taker_wakes_when_the_time_comes() -> None:
    async def go() -> int:
        agenda: Agenda[int] = Agenda(now_us)
        due_us = now_us() + 50_000
        agenda.add(due_us, 1)
        assert await asyncio.wait_for(agenda.take(1), 10) == [1]
        return now_us() - due_us

    assert asyncio.run(go()) >= 0


def test_something_sooner_wakes_a_taker_that_waits_for_something_later() -> None:
    async def go() -> list[str]:
        agenda: Agenda[str] = Agenda(now_us)
        agenda.add(now_us() + 3_600_000_000, "in an hour")
        taking = asyncio.create_task(agenda.take(1))
        await asyncio.sleep(0)
        agenda.add(now_us(), "now")
        return await asyncio.wait_for(taking, 10)

    assert asyncio.run(go()) == ["now"]


def test_every_item_goes_to_one_taker_of_many() -> None:
    async def go() -> list[int]:
        agenda: Agenda[int] = Agenda(now_us)
        takers = [asyncio.create_task(agenda.take(3)) for _ in range(10)]
        for n in range(10):
            agenda.add(now_us(), n)
            await asyncio.sleep(0)
        done, waiting = await asyncio.wait(takers, timeout=1)
        for taker in waiting:
            taker.cancel()
        return sorted(item for taker in done for item in taker.result())

    assert asyncio.run(go()) == list(range(10))
