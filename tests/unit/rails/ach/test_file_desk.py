"""Weeks of payments with holidays in them: what is expected of a payment is what its files do."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from payments.rails import Rail
from payments.windows import BankHours, Leg, eastern
from rails.ach.cut_offs import FILE_ID_MODIFIERS
from rails.bank import Result
from rails.nacha.contents import SEQUENCE_MAX
from schemas.origination import AchCutOff
from tests.unit.rails.ach.desk_in_hand import DeskInHand
from tests.unit.rails.ach.originator_in_hand import LEAD_US, TERMS
from tests.unit.rails.ach.written_log import at_us, outcomes_of, payment_of, traces_of
from tests.unit.rails.instructions import instruction

HOURS = BankHours()
DAY_US = 86_400_000_000
THANKSGIVING, CHRISTMAS, SPRING = at_us("2026-11-23 00:00"), at_us("2026-12-23 00:00"), at_us("2026-03-06 00:00")
END_US = 30 * DAY_US

Taken = tuple[int, Rail, int]  # When, from the start of the weeks; by which rail; cents.

taken = st.tuples(
    st.integers(0, 9 * DAY_US),
    st.sampled_from([Rail.SAME_DAY_ACH, Rail.STANDARD_ACH]),
    st.sampled_from([150_000, 100_000_001]),  # The second is above the limit of same-day ACH.
)
weeks = st.sampled_from([THANKSGIVING, CHRISTMAS, SPRING])


@settings(max_examples=40, deadline=None)
@given(weeks, st.lists(taken, min_size=1, max_size=12))
def test_a_payment_settles_when_bank_hours_say(start_us: int, payments: list[Taken]) -> None:
    world = DeskInHand(start_us)
    expected = {}
    for number, (after_us, rail, amount_minor) in enumerate(sorted(payments), start=1):
        world.go_on(start_us + after_us)
        paid = replace(instruction(number, rail=rail, amount_minor=amount_minor), claimed_at_us=world.clock.us)
        world.desk.take([paid])
        expected[paid.reference] = HOURS.expected_settlement_at_us(
            rail, world.clock.us + LEAD_US, amount_minor=amount_minor
        )
    world.go_on(start_us + END_US)
    outcomes = outcomes_of(world.reading)
    world.close()
    assert {each.reference: each.occurred_at_us for each in outcomes} == expected
    assert {each.result for each in outcomes} == {Result.SETTLED}


@settings(max_examples=60, deadline=None)
@given(weeks, st.lists(st.tuples(taken, st.booleans()), min_size=1, max_size=8))
def test_whatever_the_outages_no_file_claims_a_window_that_has_closed_and_all_arrives(
    start_us: int, payments: list[tuple[Taken, bool]]
) -> None:
    world = DeskInHand(start_us)
    for number, ((after_us, rail, minor), is_out) in enumerate(sorted(payments), start=1):
        if is_out:
            # Nothing was done since the payment before; what has become due meanwhile is done now.
            world.clock.us = start_us + after_us
        world.go_on(start_us + after_us)
        world.desk.take([replace(instruction(number, rail=rail, amount_minor=minor), claimed_at_us=world.clock.us)])
    world.go_on(start_us + END_US)
    told = {each.reference for each in outcomes_of(world.reading)}
    world.close()
    for cut_off in world.cut_offs:
        assert cut_off.created_at_us <= cut_off.deadline_us < cut_off.settles_at_us
        assert eastern(cut_off.deadline_us).weekday() < 5
    assert len(told) == len(payments)


def cut_off_by_hand(world: DeskInHand, file_number: int, *, first_sequence: int, file_id_modifier: str) -> None:
    """Take a payment and cut it off, as an originator did at this time."""
    paid = replace(instruction(file_number, rail=Rail.SAME_DAY_ACH), claimed_at_us=world.clock.us)
    window = HOURS.window_at(Rail.SAME_DAY_ACH, world.clock.us, Leg.DEBIT)
    cut_off = AchCutOff(
        file_number=file_number,
        rail=Rail.SAME_DAY_ACH,
        deadline_us=window.closes_at_us,
        settles_at_us=window.settles_at_us,
        created_at_us=world.clock.us,
        file_id_modifier=file_id_modifier,
        first_sequence=first_sequence,
        entries=1,
        sender=TERMS.sender,
    )
    world.write(payment_of(paid, world.clock.us), cut_off)


def test_trace_numbers_begin_anew_when_they_are_used_up() -> None:
    world = DeskInHand(at_us("2026-12-01 09:00"))
    cut_off_by_hand(world, 1, first_sequence=SEQUENCE_MAX - 1, file_id_modifier="A")
    world.desk.take([instruction(n, rail=Rail.SAME_DAY_ACH) for n in (101, 102)])
    world.go_on(at_us("2026-12-01 10:25"))
    assert [each.first_sequence for each in world.cut_offs] == [SEQUENCE_MAX - 1, 1]
    assert list(traces_of(world.reading, 2).values()) == ["121042880000001", "121042880000002"]
    world.close()


def test_a_day_without_file_ids_leaves_what_waits_to_the_next() -> None:
    world = DeskInHand(at_us("2026-12-01 09:00"))
    for number, modifier in enumerate(FILE_ID_MODIFIERS, start=1):
        cut_off_by_hand(world, number, first_sequence=number, file_id_modifier=modifier)
    world.desk.take([instruction(101, rail=Rail.SAME_DAY_ACH)])
    world.go_on(at_us("2026-12-01 23:00"))
    assert len(world.cut_offs) == len(FILE_ID_MODIFIERS)
    world.go_on(at_us("2026-12-02 12:00"))
    last = world.cut_offs[-1]
    assert (last.file_number, last.file_id_modifier) == (len(FILE_ID_MODIFIERS) + 1, FILE_ID_MODIFIERS[0])
    assert last.deadline_us == at_us("2026-12-02 10:30")
    world.close()
