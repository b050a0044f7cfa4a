"""The wait for outcomes: of a batch little is asked in vain, and nothing that is known is left out for long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from ingest_api.outcome import PROBED, OutcomeWait
from projections.queries import Outcome, Queries, RejectionRow, Wait

SIZE = 500
WAIT_S = 10.0
REFUSED = Outcome(payment=None, rejection=cast(RejectionRow, "why"))


class Views:
    """Knows the outcomes of some commands, by their numbers, and hears how many are asked for each time."""

    def __init__(self) -> None:
        self.known: set[int] = set()
        self.asked: list[int] = []

    async def outcomes(self, waits: Sequence[Wait]) -> dict[str, Outcome]:
        self.asked.append(len(waits))
        await asyncio.sleep(0)
        return {it.command_id: REFUSED for it in waits if int(it.command_id) in self.known}

    async def asked_again(self, times: int) -> None:
        """Return when so many more questions have come."""
        seen = len(self.asked)
        while len(self.asked) < seen + times:  # noqa: ASYNC110  The wait tells nobody.
            await asyncio.sleep(0.001)


def waits(numbers: range) -> list[Wait]:
    return [Wait(payment_id=str(number), command_id=str(number), kind="initiate") for number in numbers]


async def waiting(views: Views, numbers: range, timeout_s: float = WAIT_S) -> asyncio.Task[dict[str, Outcome]]:
    task = asyncio.create_task(OutcomeWait(cast(Queries, views)).outcomes(waits(numbers), timeout_s))
    await views.asked_again(1)
    return task


def test_of_a_batch_only_the_first_are_asked_for_until_they_are_known() -> None:
    async def story() -> None:
        views = Views()
        task = await waiting(views, range(SIZE))
        await views.asked_again(3)
        assert set(views.asked) == {PROBED}
        views.known = set(range(SIZE))
        assert set(await task) == {str(number) for number in range(SIZE)}
        # Once more for the first, and once for all the rest.
        assert views.asked[-2:] == [PROBED, SIZE - PROBED]

    asyncio.run(story())


def test_what_is_known_is_found_though_the_first_are_not() -> None:
    async def story() -> None:
        views = Views()
        task = await waiting(views, range(SIZE), timeout_s=2.0)
        # As if the partition of the first stood still.
        views.known = set(range(PROBED, SIZE))
        assert set(await task) == {str(number) for number in range(PROBED, SIZE)}

    asyncio.run(story())


def test_a_single_wait_is_asked_for_each_time() -> None:
    async def story() -> None:
        views = Views()
        task = await waiting(views, range(1))
        await views.asked_again(2)
        views.known = {0}
        assert set(await task) == {"0"}
        assert set(views.asked) == {1}

    asyncio.run(story())
