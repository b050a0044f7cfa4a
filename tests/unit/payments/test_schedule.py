from __future__ import annotations

import calendar
from datetime import date, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.schedule import due_date_in, due_dates, next_due_date

days = st.dates(date(1999, 1, 1), date(2120, 12, 31))
due_days = st.integers(1, 31)


def first(count: int, due_day: int, start: date, end: date | None = None) -> list[date]:
    return list(islice(due_dates(due_day=due_day, start=start, end=end), count))


def test_a_lease_from_15_february_with_due_day_1_is_first_due_on_1_march() -> None:
    assert next_due_date(due_day=1, start=date(2025, 2, 15), end=None) == date(2025, 3, 1)


def test_a_lease_that_starts_on_its_due_day_is_due_that_day() -> None:
    assert next_due_date(due_day=15, start=date(2025, 2, 15), end=None) == date(2025, 2, 15)
    assert next_due_date(due_day=31, start=date(2025, 2, 28), end=None) == date(2025, 2, 28)
    assert next_due_date(due_day=14, start=date(2025, 2, 15), end=None) == date(2025, 3, 14)


@pytest.mark.parametrize(
    ("due_day", "start", "expected"),
    [
        (31, date(2025, 1, 31), ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]),
        (30, date(2025, 1, 31), ["2025-02-28", "2025-03-30", "2025-04-30", "2025-05-30"]),
        (29, date(2025, 1, 30), ["2025-02-28", "2025-03-29"]),
        (31, date(2024, 2, 1), ["2024-02-29", "2024-03-31"]),
        (30, date(2024, 2, 1), ["2024-02-29", "2024-03-30"]),
        (29, date(2024, 2, 1), ["2024-02-29", "2024-03-29"]),
        (29, date(2100, 2, 1), ["2100-02-28", "2100-03-29"]),  # 2100 is no leap year.
        (29, date(2000, 2, 1), ["2000-02-29", "2000-03-29"]),  # 2000 was one.
        (1, date(2025, 11, 2), ["2025-12-01", "2026-01-01", "2026-02-01"]),
        (31, date(2025, 12, 1), ["2025-12-31", "2026-01-31"]),
    ],
)
def test_a_due_day_that_a_month_lacks_is_its_last_day(due_day: int, start: date, expected: list[str]) -> None:
    assert [due.isoformat() for due in first(len(expected), due_day, start)] == expected


def test_the_end_date_is_the_last_day_on_which_rent_may_be_due() -> None:
    start = date(2025, 1, 1)
    assert first(9, 1, start, date(2025, 3, 1)) == [date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)]
    assert first(9, 1, start, date(2025, 2, 28)) == [date(2025, 1, 1), date(2025, 2, 1)]
    assert first(9, 31, start, date(2025, 2, 27)) == [date(2025, 1, 31)]


def test_a_lease_shorter_than_the_way_to_its_due_day_is_never_due() -> None:
    assert next_due_date(due_day=1, start=date(2025, 2, 2), end=date(2025, 2, 28)) is None


def test_the_next_due_date_is_asked_for_from_any_day() -> None:
    def ask(not_before: date) -> date | None:
        return next_due_date(due_day=1, start=date(2025, 2, 15), end=date(2025, 6, 1), not_before=not_before)

    assert ask(date(2020, 1, 1)) == date(2025, 3, 1)
    assert ask(date(2025, 3, 1)) == date(2025, 3, 1)
    assert ask(date(2025, 3, 2)) == date(2025, 4, 1)
    assert ask(date(2025, 6, 1)) == date(2025, 6, 1)
    assert ask(date(2025, 6, 2)) is None


def test_a_lease_without_end_is_due_until_the_calendar_ends() -> None:
    assert list(due_dates(due_day=31, start=date(9999, 11, 1), end=None)) == [date(9999, 11, 30), date(9999, 12, 31)]


@given(due_days, days, st.integers(0, 1500))
def test_there_is_one_due_date_a_month_on_the_due_day_or_the_months_last(
    due_day: int, start: date, length: int
) -> None:
    end = start + timedelta(days=length)
    dates = list(due_dates(due_day=due_day, start=start, end=end))
    for due in dates:
        last_of_month = calendar.monthrange(due.year, due.month)[1]
        assert due.day == due_day or (due.day == last_of_month < due_day)
        assert start <= due <= end
    months = [due.year * 12 + due.month for due in dates]
    assert months == list(range(months[0], months[0] + len(months))) if months else True
    # None is missing at either side: a day is due exactly when the rule of its month says so.
    expected = [
        day
        for n in range(length + 1)
        if (day := start + timedelta(days=n)) == due_date_in(day.year, day.month, due_day)
    ]
    assert dates == expected
