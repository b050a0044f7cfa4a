"""A year on a virtual clock, a file at each of its windows: money arrives when the table written by hand says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, timedelta

from payments.rails import Rail
from payments.windows import BankHours, eastern
from rails.bank import Result
from tests.unit.payments.published_hours import (
    BANKING_DAYS,
    SAME_DAY,
    SAME_DAY_LIMIT_MINOR,
    SAME_DAY_ROWS,
    STANDARD_ROWS,
    at_us,
    first_row,
    same_day_row,
)
from tests.unit.rails.ach.desk_in_hand import DeskInHand
from tests.unit.rails.ach.originator_in_hand import LEAD_US
from tests.unit.rails.ach.written_log import outcomes_of
from tests.unit.rails.instructions import instruction

HOURS = BankHours()
FIRST, DAYS = date(2027, 1, 1), 365  # Holidays on a Saturday, a Sunday and a Saturday; the limit is raised.
# The last moment for each file of the day, and the first that is too late for it.
CLOCKS = ("10:25:00", "10:25:01", "14:40:00", "14:40:01", "16:40:00", "16:40:01", "23:54:59", "23:55:00")
KINDS = (
    (Rail.SAME_DAY_ACH, 150_000),
    (Rail.STANDARD_ACH, 150_000),
    (Rail.SAME_DAY_ACH, SAME_DAY_LIMIT_MINOR + 1),
)
END_US = at_us("2028-01-06", "00:00")


def arrives_at_us(taken_at_us: int, rail: Rail, amount_minor: int) -> int:
    """When the payee has the money, by the table: files are cut off a lead before each window closes."""
    in_by_us = taken_at_us + LEAD_US
    is_same_day = rail is Rail.SAME_DAY_ACH
    debit = same_day_row(in_by_us, amount_minor) if is_same_day else first_row(STANDARD_ROWS, in_by_us)
    rows = SAME_DAY_ROWS if debit.is_same_day else STANDARD_ROWS
    return first_row(rows, debit.settles_at_us + LEAD_US).settles_at_us


def taken_on(day: date, clocks: Iterator[str], kinds: Iterator[tuple[Rail, int]]) -> list[tuple[int, Rail, int]]:
    """Three payments of a day, in order. In eight days each kind comes at each time."""
    return sorted((at_us(day.isoformat(), next(clocks)), *next(kinds)) for _ in range(3))


def test_for_a_year_every_payment_arrives_when_the_published_hours_say() -> None:
    world = DeskInHand(at_us("2026-12-31", "23:59"))
    expected: dict[str, int] = {}
    clocks, kinds = itertools.cycle(CLOCKS), itertools.cycle(KINDS)
    for day in (FIRST + timedelta(days=n) for n in range(DAYS)):
        for us, rail, amount_minor in taken_on(day, clocks, kinds):
            world.go_on(us)
            paid = instruction(len(expected) + 1, rail=rail, amount_minor=amount_minor, claimed_at_us=us)
            world.desk.take([paid])
            expected[paid.reference] = arrives_at_us(us, rail, amount_minor)
            told_us = HOURS.expected_settlement_at_us(rail, us + LEAD_US, amount_minor=amount_minor)
            assert told_us == expected[paid.reference], "what a payer is told"
    world.go_on(END_US)
    outcomes, cut_offs = outcomes_of(world.reading), world.cut_offs
    world.close()
    assert {each.result for each in outcomes} == {Result.SETTLED}
    assert {each.reference: each.occurred_at_us for each in outcomes} == expected
    assert {eastern(each.deadline_us).date().isoformat() for each in cut_offs} <= set(BANKING_DAYS)
    deadlines = {f"{eastern(each.deadline_us):%H:%M}" for each in cut_offs if each.rail is Rail.SAME_DAY_ACH}
    assert deadlines == {in_by for in_by, _ in SAME_DAY}
