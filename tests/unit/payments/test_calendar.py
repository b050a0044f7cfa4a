from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.calendar import add_banking_days, banking_day_from, closed_in, is_banking_day, next_banking_day

days = st.dates(date(2000, 1, 1), date(2150, 12, 31))


@pytest.mark.parametrize("day", ["2026-07-03", "2027-06-18", "2027-12-24", "2021-06-18", "2021-12-31", "2022-12-30"])
def test_a_holiday_on_a_saturday_leaves_the_friday_open(day: str) -> None:
    assert is_banking_day(date.fromisoformat(day))


@pytest.mark.parametrize("day", ["2021-07-05", "2022-06-20", "2027-07-05", "2022-12-26", "2023-01-02"])
def test_a_holiday_on_a_sunday_closes_the_monday(day: str) -> None:
    assert not is_banking_day(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("year", "closed"),
    [
        # The Federal Reserve Banks' schedules.
        (2025, "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25"),
        (2026, "01-01 01-19 02-16 05-25 06-19 09-07 10-12 11-11 11-26 12-25"),
        (2027, "01-01 01-18 02-15 05-31 07-05 09-06 10-11 11-11 11-25"),
        # Before Juneteenth.
        (2009, "01-01 01-19 02-16 05-25 09-07 10-12 11-11 11-26 12-25"),
        (2020, "01-01 01-20 02-17 05-25 09-07 10-12 11-11 11-26 12-25"),
    ],
)
def test_the_days_on_which_the_federal_reserve_banks_are_closed(year: int, closed: str) -> None:
    assert sorted(f"{day:%m-%d}" for day in closed_in(year)) == closed.split()


def test_juneteenth_is_a_holiday_since_2021() -> None:
    # Its first one was a Saturday.
    assert date(2021, 6, 19) not in closed_in(2021)
    assert closed_in(2022)[date(2022, 6, 20)] == "Juneteenth National Independence Day"
    assert date(2019, 6, 19) not in closed_in(2019)


def test_banking_days_are_counted_over_weekends_and_holidays() -> None:
    wednesday = date(2026, 11, 25)
    assert next_banking_day(wednesday) == date(2026, 11, 27)  # Thanksgiving between.
    assert add_banking_days(wednesday, 2) == date(2026, 11, 30)
    assert add_banking_days(date(2026, 11, 28), 0) == date(2026, 11, 30)
    assert banking_day_from(wednesday) == wednesday


@given(days)
def test_the_next_banking_day_is_the_first_and_at_most_four_days_away(day: date) -> None:
    following = next_banking_day(day)
    between = [day + timedelta(days=n) for n in range(1, (following - day).days)]
    assert is_banking_day(following)
    assert not any(map(is_banking_day, between))
    assert 1 <= (following - day).days <= 4


@given(days, st.integers(0, 30), st.integers(0, 30))
def test_banking_days_add_up(day: date, some: int, more: int) -> None:
    assert add_banking_days(add_banking_days(day, some), more) == add_banking_days(day, some + more)


@given(st.integers(2000, 2199))
def test_a_year_has_8_to_11_closed_weekdays(year: int) -> None:
    closed = closed_in(year)
    assert 8 <= len(closed) <= 11
    assert all(day.weekday() < 5 and day.year == year for day in closed)
