"""Two banks as one: what goes where, who is believed, and a feed with two places in it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from payments.rails import Rail
from rails.bank import Answer, BankUnavailable, Instruction, Outcome, OutcomePage, Result, Standing
from rails.routed_bank import RoutedBank
from tests.unit.rails.instructions import instruction

WIRE, ACH = instruction(1, rail=Rail.WIRE), instruction(2, rail=Rail.STANDARD_ACH)


class SmallBank:
    """Takes what it is sent, and tells at once that it settled; away: nobody answers."""

    def __init__(self) -> None:
        self.taken: list[Instruction] = []
        self.is_away = False

    async def submit(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        self._answer()
        self.taken += instructions
        return await self.ask([each.reference for each in instructions])

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        self._answer()
        known = {each.reference for each in self.taken}
        return {
            ref: Answer(reference=ref, standing=Standing.IN_PROGRESS if ref in known else Standing.NOT_RECEIVED)
            for ref in references
        }

    async def outcomes(self, after: str, limit: int, wait_s: float) -> OutcomePage:
        self._answer()
        first = int(after.removeprefix("at:") or 0)
        told = tuple(_settled(each) for each in self.taken[first : first + limit])
        if not told:
            await asyncio.sleep(wait_s)
        return OutcomePage(outcomes=told, cursor=f"at:{first + len(told)}")

    def _answer(self) -> None:
        if self.is_away:
            raise BankUnavailable("away")


def _settled(instruction: Instruction) -> Outcome:
    return Outcome(
        reference=instruction.reference,
        payment_key=instruction.payment_key,
        result=Result.SETTLED,
        amount_minor=instruction.amount_minor,
        occurred_at_us=1,
        bank_reference="B",
    )


@pytest.fixture
def banks() -> tuple[SmallBank, SmallBank, RoutedBank]:
    ach, other = SmallBank(), SmallBank()
    return ach, other, RoutedBank(ach=ach, other=other)


Banks = tuple[SmallBank, SmallBank, RoutedBank]


def test_each_instruction_goes_to_the_bank_of_its_rail(banks: Banks) -> None:
    ach, other, routed = banks
    answers = asyncio.run(routed.submit([WIRE, ACH]))
    assert (ach.taken, other.taken) == ([ACH], [WIRE])
    assert {each.standing for each in answers.values()} == {Standing.IN_PROGRESS}


def test_the_bank_that_has_a_reference_is_believed_and_only_both_deny_one(banks: Banks) -> None:
    _, _, routed = banks
    unknown = instruction(3).reference

    async def go() -> dict[str, Answer]:
        await routed.submit([WIRE, ACH])
        return await routed.ask([WIRE.reference, ACH.reference, unknown])

    answers = asyncio.run(go())
    assert answers[WIRE.reference].standing is answers[ACH.reference].standing is Standing.IN_PROGRESS
    assert answers[unknown].standing is Standing.NOT_RECEIVED


def test_what_one_bank_denies_while_the_other_is_away_is_not_answered(banks: Banks) -> None:
    ach, _, routed = banks

    async def go() -> dict[str, Answer]:
        await routed.submit([WIRE, ACH])
        ach.is_away = True
        return await routed.ask([WIRE.reference, ACH.reference])

    # Sent again on the word of the other, it would be paid twice.
    assert asyncio.run(go()).keys() == {WIRE.reference}


def test_nobody_who_knows_anything_is_no_answer(banks: Banks) -> None:
    ach, other, routed = banks
    ach.is_away = True
    with pytest.raises(BankUnavailable):
        asyncio.run(routed.ask([WIRE.reference]))
    other.is_away = True
    with pytest.raises(BankUnavailable):
        asyncio.run(routed.submit([WIRE]))


def test_a_submit_that_reaches_one_of_them_is_answered_for_what_it_took(banks: Banks) -> None:
    ach, _, routed = banks
    ach.is_away = True
    assert asyncio.run(routed.submit([WIRE, ACH])).keys() == {WIRE.reference}


def test_the_feed_has_every_outcome_of_both_once(banks: Banks) -> None:
    _, _, routed = banks

    async def go() -> list[str]:
        orders = [instruction(n, rail=Rail.WIRE if n % 3 else Rail.SAME_DAY_ACH) for n in range(1, 20)]
        await routed.submit(orders)
        told: list[str] = []
        cursor = ""
        while page := await routed.outcomes(cursor, 4, 0):
            if not page.outcomes:
                return told
            told += [each.reference for each in page.outcomes]
            cursor = page.cursor
        return told

    told = asyncio.run(go())
    assert sorted(told) == sorted(instruction(n).reference for n in range(1, 20))


def test_news_of_one_bank_does_not_wait_for_the_others_poll(banks: Banks) -> None:
    _, _, routed = banks

    async def go() -> OutcomePage:
        await routed.submit([WIRE])
        return await asyncio.wait_for(routed.outcomes("", 10, 3600), 30)

    assert [each.reference for each in asyncio.run(go()).outcomes] == [WIRE.reference]


def test_a_slower_feed_is_heard_while_the_other_always_has_news() -> None:
    class SlowBank(SmallBank):
        async def outcomes(self, after: str, limit: int, wait_s: float) -> OutcomePage:
            await asyncio.sleep(0.02)
            return await super().outcomes(after, limit, wait_s)

    async def go() -> set[str]:
        ach, other = SlowBank(), SmallBank()
        ach.taken = [ACH]
        other.taken = [instruction(number) for number in range(100, 2100)]
        routed, cursor, told = RoutedBank(ach=ach, other=other), "", set[str]()
        while ACH.reference not in told:
            page = await routed.outcomes(cursor, 2, 0)
            assert page.outcomes, "the other bank was read to its end first"
            told |= {each.reference for each in page.outcomes}
            cursor = page.cursor
            await asyncio.sleep(0.001)
        return told

    assert ACH.reference in asyncio.run(go())


def test_a_bank_that_is_away_does_not_silence_the_other_but_is_told_of_when_that_has_nothing(banks: Banks) -> None:
    ach, _, routed = banks

    async def go() -> str:
        await routed.submit([WIRE])
        ach.is_away = True
        page = await routed.outcomes("", 10, 0)
        assert [each.reference for each in page.outcomes] == [WIRE.reference]
        with pytest.raises(BankUnavailable):
            await routed.outcomes(page.cursor, 10, 0)
        return page.cursor

    assert asyncio.run(go()) == "at:1 "


def test_a_cursor_of_the_time_when_there_was_one_bank_is_that_banks(banks: Banks) -> None:
    _, _, routed = banks

    async def go() -> OutcomePage:
        await routed.submit([WIRE, instruction(4, rail=Rail.WIRE), ACH])
        return await routed.outcomes("at:1", 10, 0)

    assert [each.reference for each in asyncio.run(go()).outcomes] == [ACH.reference, instruction(4).reference]
