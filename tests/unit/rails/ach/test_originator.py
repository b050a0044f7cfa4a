"""The originator with its real book, folders and files, and a log and clock in the test's hand."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from payments.rails import Rail
from rails.ach.file_desk import FileDesk
from rails.ach.phases import Leg
from rails.bank import Instruction, Result, Standing
from rails.nacha.codes import EntryClass
from schemas.origination import AchCutOff, AchDelivery, AchPayment, AchSettlement
from tests.unit.rails.ach.originator_in_hand import TERMS, LogInHand, World, in_a_loop, outcomes, until
from tests.unit.rails.ach.written_log import answered, at_us, read
from tests.unit.rails.instructions import instruction
from tests.unit.rails.nacha.independent_checker import check

NINE = at_us("2026-12-01 09:00")
CUT_OFF = at_us("2026-12-01 10:25")
SETTLED = at_us("2026-12-01 13:00")
FIRST, SECOND = "20261201-A-same_day_ach-00000001.ach", "20261201-B-same_day_ach-00000002.ach"


def order(n: int, *, rail: Rail = Rail.SAME_DAY_ACH, amount_minor: int = 150_000) -> Instruction:
    return instruction(n, rail=rail, amount_minor=amount_minor)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, NINE)


async def pay_through(world: World, *, upto: int, count: int = 2) -> None:
    """Take payments, and let the clock go on to a time."""
    async with world.open() as originator:
        await originator.take([order(n) for n in range(1, count + 1)])
        world.clock.set(CUT_OFF)
        await until(lambda: world.count(AchDelivery) == 1)
        world.clock.set(upto)
        await until(lambda: upto < SETTLED or world.count(AchSettlement) == 1)


@in_a_loop
async def test_a_payment_goes_out_as_a_debit_then_as_a_credit_and_is_told_as_settled(world: World) -> None:
    async with world.open() as originator:
        taken = await originator.take([order(1), order(2)])
        assert {each.standing for each in taken.values()} == {Standing.IN_PROGRESS}
        world.clock.set(CUT_OFF - 1)
        assert (await originator.ask([order(3).reference]))[order(3).reference].standing is Standing.NOT_RECEIVED
        assert world.outbox() == {}
        world.clock.set(CUT_OFF)
        await until(lambda: world.count(AchDelivery) == 1)
        world.clock.set(SETTLED)
        await until(lambda: world.count(AchSettlement) == 1)
        world.clock.set(at_us("2026-12-01 14:40"))
        await until(lambda: world.count(AchDelivery) == 2)
        world.clock.set(at_us("2026-12-01 17:00"))
        told = [each for _, each in await originator.outcomes(0, 10, 30.0)]
        assert [each.result for each in told] == [Result.SETTLED] * 2
        assert {each.occurred_at_us for each in told} == {at_us("2026-12-01 17:00")}
        assert (await originator.ask([order(1).reference]))[order(1).reference].outcomes == (told[0],)
    files = world.outbox()
    assert list(files) == [FIRST, SECOND]
    assert all(check(data) == [] for data in files.values())
    deliveries = [each for each in world.records if isinstance(each, AchDelivery)]
    assert [each.sha256 for each in deliveries] == [hashlib.sha256(data).digest() for data in files.values()]


@in_a_loop
async def test_a_reference_is_taken_once_however_often_it_is_sent(world: World) -> None:
    async with world.open() as originator:
        await asyncio.gather(*(originator.take([order(1), order(1), order(2)]) for _ in range(3)))
    assert world.count(AchPayment) == 2


@pytest.mark.parametrize(
    ("strange", "named"),
    [
        (order(1, rail=Rail.WIRE), "rail"),
        (replace(order(1), currency="EUR"), "currency"),
        (order(1, amount_minor=10**10), "amount"),
        (replace(order(1), debit=replace(order(1).debit, routing_number="121042880")), "check_digit"),
    ],
)
@in_a_loop
async def test_what_no_file_could_carry_is_refused_alone(world: World, strange: Instruction, named: str) -> None:
    async with world.open() as originator:
        answers = await originator.take([strange, order(2)])
    assert answers[strange.reference].standing is Standing.REFUSED
    assert named in (answers[strange.reference].reason or "")
    assert "987654321" not in (answers[strange.reference].reason or "")
    assert answers[order(2).reference].standing is Standing.IN_PROGRESS


@in_a_loop
async def test_an_entry_that_comes_after_the_cut_off_goes_with_the_next_window(world: World) -> None:
    async with world.open() as originator:
        await originator.take([order(1)])
        world.clock.set(CUT_OFF)
        await until(lambda: world.count(AchDelivery) == 1)
        world.clock.us = CUT_OFF + 60_000_000
        await originator.take([order(2)])
        world.clock.set(at_us("2026-12-01 10:30"))
        await originator.take([order(3)])
        assert list(world.outbox()) == [FIRST]
        world.clock.set(at_us("2026-12-01 14:40"))
        await until(lambda: world.count(AchDelivery) == 2)
    second = read(world.outbox()[SECOND])
    [debits] = [each for each in second.batches if each.header.standard_entry_class is EntryClass.WEB]
    assert len(list(debits.entries)) == 2


@in_a_loop
async def test_windows_with_nothing_in_them_have_no_file(world: World) -> None:
    async with world.open() as originator:
        world.clock.set(at_us("2026-12-04 12:00"))
        await originator.take([order(1)])
        world.clock.set(at_us("2026-12-04 14:40"))
        await until(lambda: world.count(AchDelivery) == 1)
    assert world.count(AchCutOff) == 1


@in_a_loop
async def test_a_window_that_was_missed_is_not_claimed(world: World) -> None:
    async with world.open() as originator:
        await originator.take([order(1)])
    world.clock.us = at_us("2026-12-01 10:31")
    async with world.open() as originator:
        world.clock.set(at_us("2026-12-01 14:40"))
        await until(lambda: world.count(AchDelivery) == 1)
    [cut_off] = [each for each in world.records if isinstance(each, AchCutOff)]
    assert cut_off.deadline_us == at_us("2026-12-01 14:45")
    assert cut_off.settles_at_us == at_us("2026-12-01 17:00")


@in_a_loop
async def test_a_file_that_is_handed_in_late_settles_later(world: World) -> None:
    async with world.open() as originator:
        await originator.take([order(1)])
    # The cut-off is written, and then nothing for an hour.
    world.clock.us = CUT_OFF
    log = LogInHand(world.records, world.folder / "late.sqlite")
    FileDesk(log, TERMS, world.clock).do_next()
    log.close()
    world.clock.us = at_us("2026-12-01 11:25")
    async with world.open():
        await until(lambda: world.count(AchDelivery) == 1)
    [delivery] = [each for each in world.records if isinstance(each, AchDelivery)]
    assert delivery.settles_at_us == at_us("2026-12-01 17:00")


@in_a_loop
async def test_a_crash_anywhere_leaves_each_entry_in_one_file_of_the_same_bytes(tmp_path: Path) -> None:
    whole = World(tmp_path / "whole", NINE)
    await _live(whole)
    assert len(whole.outbox()) == 2
    for crash_after in range(1, len(whole.records) + 1):
        world = World(tmp_path / str(crash_after), NINE)
        await _live(world, crash_after=crash_after)
        await _live(world)
        files = world.outbox()
        assert files == whole.outbox()
        digests = [each.sha256 for each in world.records if isinstance(each, AchDelivery)]
        assert digests == [hashlib.sha256(data).digest() for data in files.values()]


async def _live(world: World, *, crash_after: int | None = None) -> None:
    """Go through a day with two payments; a log that breaks ends it."""
    world.clock.us = NINE
    async with world.open(crash_after=crash_after) as originator:
        try:
            for n in (1, 2):
                await originator.take([order(n)])
            for us, reached in (
                (CUT_OFF, AchDelivery),
                (SETTLED, AchSettlement),
                (at_us("2026-12-01 14:40"), AchDelivery),
                (at_us("2026-12-01 17:00"), AchSettlement),
            ):
                world.clock.set(us)
                wanted = 1 if us <= SETTLED else 2
                await until(
                    lambda reached=reached, wanted=wanted: (
                        originator.failure is not None  # type: ignore[misc]
                        or world.count(reached) >= wanted
                    )
                )
                if originator.failure is not None:
                    return
        except RuntimeError:
            return


@in_a_loop
async def test_what_the_bank_sends_back_fails_its_payment_and_no_other(world: World) -> None:
    await pay_through(world, upto=CUT_OFF)
    world.bank_sends("returns.ach", answered(world.outbox()[FIRST], 0, code="R01"))
    async with world.open() as originator:
        await until(lambda: world.names("done") == ["returns.ach"])
        [outcome] = await outcomes(originator)
    assert (outcome.reference, outcome.result, outcome.code) == (order(1).reference, Result.RETURNED, "R01")


@in_a_loop
async def test_a_file_from_the_bank_that_comes_twice_changes_nothing(world: World) -> None:
    await pay_through(world, upto=CUT_OFF)
    data = answered(world.outbox()[FIRST], 0, code="R01")
    world.bank_sends("returns.ach", data)
    async with world.open():
        await until(lambda: len(world.names("done")) == 1)
        before = len(world.records)
        world.bank_sends("returns.ach", data)
        world.bank_sends("other-name.ach", data)
        await until(lambda: len(world.names("done")) == 3)
    assert len(world.records) == before


@in_a_loop
async def test_what_comes_back_before_the_settlement_is_heard_before_it(world: World) -> None:
    await pay_through(world, upto=CUT_OFF)
    world.bank_sends("returns.ach", answered(world.outbox()[FIRST], 0, code="R01"))
    world.clock.us = SETTLED
    async with world.open():
        await until(lambda: world.count(AchSettlement) == 1)
        world.clock.set(at_us("2026-12-01 14:40"))
        await until(lambda: world.count(AchDelivery) == 2)
    [credits_] = read(world.outbox()[SECOND]).batches
    assert [entry.individual_identification_number for entry in credits_.entries] == [order(2).reference[:15].upper()]


@in_a_loop
async def test_a_notice_is_kept_and_its_account_number_nowhere_in_clear(world: World) -> None:
    await pay_through(world, upto=CUT_OFF)
    world.bank_sends("notices.ach", answered(world.outbox()[FIRST], 0, code="C01"))
    async with world.open() as originator:
        await until(lambda: world.names("done") == ["notices.ach"])
        [shown] = (await originator.report(after=0, accounts_after=0, limit=10, with_totals=True))["incoming"]
    assert (shown["kind"], shown["code"], shown["reference"]) == ("notice", "C01", order(1).reference)
    assert shown["leg"] == Leg.DEBIT
    kept = b"".join(path.read_bytes() for path in world.folder.glob("book-*"))
    written = msgspec.json.encode([repr(each) for each in world.records])
    for number in (b"987654321", b"123456789", b"55555"):
        assert number not in kept
        assert number not in written


@pytest.mark.parametrize("broken", [b"nonsense\n", b""])
@in_a_loop
async def test_a_file_that_breaks_a_rule_is_put_aside_with_its_faults(world: World, broken: bytes) -> None:
    async with world.open():
        world.bank_sends("broken.ach", broken)
        await until(lambda: world.names("refused") == ["broken.ach", "broken.ach.faults.txt"])
    assert (world.folder / "refused" / "broken.ach.faults.txt").read_text().strip()
    assert world.records == []


@in_a_loop
async def test_a_file_of_entries_that_answer_nothing_is_put_aside(world: World) -> None:
    await pay_through(world, upto=CUT_OFF)
    world.bank_sends("ours.ach", world.outbox()[FIRST])
    async with world.open():
        await until(lambda: "ours.ach" in world.names("refused"))
    assert "line 3" in (world.folder / "refused" / "ours.ach.faults.txt").read_text()
