"""The bank at work by a clock that is set: what has become due settles at once, dated when it was due."""

from __future__ import annotations

import asyncio
from pathlib import Path

from business_clock import SettableClock, Setting, SystemClock, system_us, write_setting
from payments.rails import SECOND_US
from rails.bank import Standing
from rails.simulated.books import Books
from rails.simulated.delays import settles_at_us
from rails.simulated.teller import ROUND_S, Teller
from tests.unit.rails.instructions import CLAIMED_AT_US, instruction

DAY_US = 86_400 * SECOND_US


def test_a_clock_that_is_set_days_ahead_settles_at_once_what_it_has_passed(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"

    def show(at_us: int) -> None:
        from_us = CLAIMED_AT_US - DAY_US
        write_setting(path, Setting(set_by="a test", from_us=from_us, at_us=at_us, since_us=system_us()))

    async def go() -> None:
        show(CLAIMED_AT_US)
        teller = Teller(Books(tmp_path / "books.sqlite", speed=1), SettableClock(path))
        tasks = [asyncio.create_task(work) for work in (teller.settle(), teller.watch_clock())]
        order, late = instruction(1), instruction(2)
        answers = await teller.take([order])
        assert answers[order.reference].standing is Standing.IN_PROGRESS
        assert await teller.outcomes(0, 10, 0.05) == []
        show(CLAIMED_AT_US + 3 * DAY_US)
        [(_, outcome)] = await teller.outcomes(0, 10, 20)
        assert outcome.occurred_at_us == settles_at_us(order, received_at_us=CLAIMED_AT_US, speed=1)
        # Its claim came through when the clock was days further on already: no reason to value it later.
        await teller.take([late])
        [(_, outcome)] = await teller.outcomes(1, 10, 20)
        assert outcome.occurred_at_us == settles_at_us(late, received_at_us=CLAIMED_AT_US, speed=1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await teller.close()

    asyncio.run(go())


def test_transfers_that_come_one_by_one_settle_in_rounds(tmp_path: Path) -> None:
    class CountedBooks(Books):
        rounds = 0

        def settle_due(self, *, now_us: int) -> int:
            self.rounds += 1
            return super().settle_due(now_us=now_us)

    async def go() -> None:
        books, count = CountedBooks(tmp_path / "books.sqlite", speed=10_000), 50
        teller = Teller(books, SystemClock())
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        settling = asyncio.create_task(teller.settle())
        for n in range(count):
            await teller.take([instruction(n, claimed_at_us=system_us(), speed=10_000)])
        told: list[int] = []
        while len(told) < count:
            told += [sequence for sequence, _ in await teller.outcomes(len(told), count, 20)]
        assert told == list(range(1, count + 1))
        assert books.rounds <= (loop.time() - began_s) / ROUND_S + 2
        settling.cancel()
        await asyncio.gather(settling, return_exceptions=True)
        await teller.close()

    asyncio.run(go())
