"""What is to be done when."""

from __future__ import annotations

import asyncio

from business_clock import SystemClock, system_us
from rails.agenda import Agenda, By
from tests.unit.rails.set_clock import SetClock


def test_what_is_due_is_taken_earliest_first_and_no_more_than_asked() -> None:
    async def go() -> tuple[list[str], list[str]]:
        agenda: Agenda[str] = Agenda(SetClock(100))
        for at_us, name in ((30, "c"), (10, "a"), (101, "later"), (20, "b"), (10, "a2")):
            agenda.add(at_us, name)
        return await agenda.take(3), await agenda.take(3)

    assert asyncio.run(go()) == (["a", "a2", "b"], ["c"])


def test_a_taker_wakes_when_the_time_comes() -> None:
    async def go() -> int:
        agenda: Agenda[int] = Agenda(SystemClock())
        due_us = system_us() + 50_000
        agenda.add(due_us, 1)
        assert await asyncio.wait_for(agenda.take(1), 10) == [1]
        return system_us() - due_us

    assert asyncio.run(go()) >= 0


def test_something_sooner_wakes_a_taker_that_waits_for_something_later() -> None:
    async def go() -> list[str]:
        agenda: Agenda[str] = Agenda(SystemClock())
        agenda.add(system_us() + 3_600_000_000, "in an hour")
        taking = asyncio.create_task(agenda.take(1))
        await asyncio.sleep(0)
        agenda.add(system_us(), "now")
        return await asyncio.wait_for(taking, 10)

    assert asyncio.run(go()) == ["now"]


def test_every_item_goes_to_one_taker_of_many() -> None:
    async def go() -> list[int]:
        agenda: Agenda[int] = Agenda(SystemClock())
        takers = [asyncio.create_task(agenda.take(3)) for _ in range(10)]
        for n in range(10):
            agenda.add(system_us(), n)
            await asyncio.sleep(0)
        done, waiting = await asyncio.wait(takers, timeout=1)
        for taker in waiting:
            taker.cancel()
        return sorted(item for taker in done for item in taker.result())

    assert asyncio.run(go()) == list(range(10))


def test_a_taker_wakes_when_the_clock_is_set_over_the_time_that_it_waits_for() -> None:
    async def go() -> list[str]:
        clock = Standing(100)
        agenda: Agenda[str] = Agenda(clock)
        agenda.add(10**15, "in thirty years")
        taking = asyncio.create_task(agenda.take(1))
        await asyncio.sleep(0)
        clock.us = 10**15
        agenda.look_again()
        return await asyncio.wait_for(taking, 10)

    assert asyncio.run(go()) == ["in thirty years"]


def test_what_is_tried_again_comes_by_the_machines_clock_though_the_business_clock_stands() -> None:
    async def go() -> list[str]:
        agenda: Agenda[str] = Agenda(Standing(100, machine_us=7))
        agenda.add(10**15, "due in thirty years")
        agenda.add(7, "tried again", By.MACHINE)
        agenda.add(8, "not yet", By.MACHINE)
        return await asyncio.wait_for(agenda.take(10), 10)

    assert asyncio.run(go()) == ["tried again"]


class Standing(SetClock):
    def wait_s(self, at_us: int) -> float | None:
        return None if at_us > self.us else 0.0
