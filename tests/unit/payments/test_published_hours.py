"""A virtual clock walks through two years, by the hour and over every boundary: each rail does what is published."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from payments.calendar import is_banking_day
from payments.rails import Rail
from payments.windows import BankHours, Leg, Window, eastern, instant_us
from tests.unit.payments.published_hours import (
    BANKING_DAYS,
    FEDWIRE_ROWS,
    SAME_DAY_LIMIT_MINOR,
    SAME_DAY_ROWS,
    STANDARD_ROWS,
    TWO_DAY_ROWS,
    Row,
    at_us,
    fedwire_moves_at_us,
    first_row,
    same_day_row,
)

HOURS = BankHours()
TWO_DAY_CREDITS = BankHours(standard_days={Leg.DEBIT: 1, Leg.CREDIT: 2})
HOUR_US = 3_600_000_000
START_US, END_US = at_us("2026-01-01", "00:00"), at_us("2028-01-01", "00:00")

Told = list[tuple[str, int, int]]  # Of each leg: the rail, and when its window closes and settles.


def _instants() -> list[int]:
    """Every hour of two years, and the microsecond before, at and after everything at which something changes."""
    boundaries = {us for row in (*SAME_DAY_ROWS, *STANDARD_ROWS) for us in (row.in_by_us, row.settles_at_us)}
    boundaries |= {us for opens_and_closes in FEDWIRE_ROWS for us in opens_and_closes}
    near = {us + by for us in boundaries for by in (-1, 0, 1)}
    return sorted(us for us in near | set(range(START_US, END_US, HOUR_US)) if START_US <= us < END_US)


INSTANTS = _instants()


def _told(*rows: Row) -> Told:
    rails = [Rail.SAME_DAY_ACH if row.is_same_day else Rail.STANDARD_ACH for row in rows]
    return [(rail, row.in_by_us, row.settles_at_us) for rail, row in zip(rails, rows, strict=True)]


def _seen(windows: tuple[Window, ...]) -> Told:
    return [(window.rail, window.closes_at_us, window.settles_at_us) for window in windows]


def _standard(us: int) -> Told:
    debit = first_row(STANDARD_ROWS, us)
    return _told(debit, first_row(STANDARD_ROWS, debit.settles_at_us))


def _standard_with_two_day_credits(us: int) -> Told:
    debit = first_row(STANDARD_ROWS, us)
    return _told(debit, first_row(TWO_DAY_ROWS, debit.settles_at_us))


def _same_day_of(amount_minor: int) -> Callable[[int], Told]:
    def same_day(us: int) -> Told:
        debit = same_day_row(us, amount_minor)
        # The credit travels as its debit did, though a higher limit may hold when it leaves.
        credits_ = SAME_DAY_ROWS if debit.is_same_day else STANDARD_ROWS
        return _told(debit, first_row(credits_, debit.settles_at_us))

    return same_day


def _wire(us: int) -> Told:
    return [(Rail.WIRE, fedwire_moves_at_us(us), fedwire_moves_at_us(us))]


def _instant(us: int) -> Told:
    return [(Rail.INSTANT, us, us)]


@pytest.mark.parametrize(
    ("rail", "amount_minor", "hours", "published"),
    [
        (Rail.STANDARD_ACH, 150_000, HOURS, _standard),
        (Rail.STANDARD_ACH, 150_000, TWO_DAY_CREDITS, _standard_with_two_day_credits),
        (Rail.SAME_DAY_ACH, SAME_DAY_LIMIT_MINOR, HOURS, _same_day_of(SAME_DAY_LIMIT_MINOR)),
        (Rail.SAME_DAY_ACH, SAME_DAY_LIMIT_MINOR + 1, HOURS, _same_day_of(SAME_DAY_LIMIT_MINOR + 1)),
        (Rail.WIRE, 150_000, HOURS, _wire),
        (Rail.INSTANT, 150_000, HOURS, _instant),
    ],
    ids=["standard", "two_day_credits", "same_day", "above_its_limit", "wire", "instant"],
)
def test_for_two_years_payments_settle_when_it_is_published(
    rail: Rail, amount_minor: int, hours: BankHours, published: Callable[[int], Told]
) -> None:
    wrong = []
    for us in INSTANTS:
        seen = _seen(hours.legs_at(rail, us, amount_minor=amount_minor))
        if seen != published(us):
            wrong.append((eastern(us).isoformat(), seen, published(us)))
    assert wrong[:3] == []


def test_for_two_years_banks_are_open_when_it_is_published() -> None:
    days = [eastern(us).date() for us in range(START_US, END_US, HOUR_US)]
    assert {day.isoformat() for day in days if is_banking_day(day)} == {day for day in BANKING_DAYS if day < "2028"}


@pytest.mark.parametrize(
    ("sent", "same_day", "standard", "two_days_ahead", "wire"),
    [
        # Friday is open before Saturday's holiday: 2026-07-04.
        ("2026-07-02 20:00", "2026-07-03 13:00", "2026-07-03 08:30", "2026-07-06 08:30", "2026-07-02 21:00"),
        ("2026-07-03 12:00", "2026-07-03 17:00", "2026-07-06 08:30", "2026-07-07 08:30", "2026-07-03 12:00"),
        ("2026-07-04 12:00", "2026-07-06 13:00", "2026-07-07 08:30", "2026-07-08 08:30", "2026-07-05 21:00"),
        # Monday is closed behind Sunday's: 2027-07-04.
        ("2027-07-02 17:00", "2027-07-06 13:00", "2027-07-06 08:30", "2027-07-07 08:30", "2027-07-02 17:00"),
        ("2027-07-04 22:00", "2027-07-06 13:00", "2027-07-07 08:30", "2027-07-08 08:30", "2027-07-05 21:00"),
        ("2027-07-05 12:00", "2027-07-06 13:00", "2027-07-07 08:30", "2027-07-08 08:30", "2027-07-05 21:00"),
        # Thanksgiving, and the Friday behind it.
        ("2026-11-25 18:00", "2026-11-27 13:00", "2026-11-27 08:30", "2026-11-30 08:30", "2026-11-25 18:00"),
        ("2026-11-26 10:00", "2026-11-27 13:00", "2026-11-30 08:30", "2026-12-01 08:30", "2026-11-26 21:00"),
        # Christmas on a Friday, and on a Saturday.
        ("2026-12-24 16:45", "2026-12-24 18:00", "2026-12-28 08:30", "2026-12-29 08:30", "2026-12-24 16:45"),
        ("2027-12-24 16:46", "2027-12-27 13:00", "2027-12-27 08:30", "2027-12-28 08:30", "2027-12-24 16:46"),
        # The turn of the years.
        ("2026-12-31 19:30", "2027-01-04 13:00", "2027-01-04 08:30", "2027-01-05 08:30", "2027-01-03 21:00"),
        ("2027-12-31 10:00", "2027-12-31 13:00", "2028-01-03 08:30", "2028-01-04 08:30", "2027-12-31 10:00"),
        # The weekends on which clocks change.
        ("2026-03-06 23:59", "2026-03-09 13:00", "2026-03-09 08:30", "2026-03-10 08:30", "2026-03-08 21:00"),
        ("2026-11-01 20:59", "2026-11-02 13:00", "2026-11-03 08:30", "2026-11-04 08:30", "2026-11-01 21:00"),
    ],
)
def test_around_holidays_and_clock_changes_a_file_settles_on_the_day_written_here(
    sent: str, same_day: str, standard: str, two_days_ahead: str, wire: str
) -> None:
    us = at_us(*sent.split())
    rows = (first_row(SAME_DAY_ROWS, us), first_row(STANDARD_ROWS, us), first_row(TWO_DAY_ROWS, us))
    expected = [at_us(*each.split()) for each in (same_day, standard, two_days_ahead, wire)]
    assert [*(row.settles_at_us for row in rows), fedwire_moves_at_us(us)] == expected, "the table itself"
    found = [
        HOURS.window_at(Rail.SAME_DAY_ACH, us, Leg.DEBIT),
        HOURS.window_at(Rail.STANDARD_ACH, us, Leg.DEBIT),
        TWO_DAY_CREDITS.window_at(Rail.STANDARD_ACH, us, Leg.CREDIT),
        HOURS.window_at(Rail.WIRE, us, Leg.CREDIT),
    ]
    assert [window.settles_at_us for window in found] == expected


def test_the_clocks_of_the_table_and_of_the_product_agree_on_every_banking_day() -> None:
    for day in BANKING_DAYS:
        for clock in ("00:00", "10:30", "23:59"):
            local = eastern(at_us(day, clock))
            assert (local.date().isoformat(), f"{local:%H:%M}") == (day, clock)
            assert instant_us(local.date(), local.time()) == at_us(day, clock)
