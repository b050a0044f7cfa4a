from __future__ import annotations

from datetime import date

import pytest

from payments.limits import Limit, is_within_limit, limit_minor
from payments.rails import Rail


@pytest.mark.parametrize(
    ("on", "dollars"),
    [
        ("2016-09-23", 25_000),
        ("2020-03-19", 25_000),
        ("2020-03-20", 100_000),
        ("2022-03-18", 1_000_000),
        ("2026-11-27", 1_000_000),
        ("2027-09-16", 1_000_000),
        ("2027-09-17", 10_000_000),
    ],
)
def test_the_limit_of_same_day_ach_is_that_of_the_day(on: str, dollars: int) -> None:
    assert limit_minor(Rail.SAME_DAY_ACH, date.fromisoformat(on)) == dollars * 100


def test_instant_payments_are_limited_too() -> None:
    assert limit_minor(Rail.INSTANT, date(2026, 11, 27)) == 10_000_000 * 100


def test_where_no_row_says_a_limit_there_is_none() -> None:
    assert limit_minor(Rail.SAME_DAY_ACH, date(2016, 9, 22)) is None
    assert limit_minor(Rail.WIRE, date(2026, 11, 27)) is None
    assert is_within_limit(Rail.WIRE, 10**15, date(2026, 11, 27))


def test_the_limit_itself_is_within_it() -> None:
    on = date(2026, 11, 27)
    assert is_within_limit(Rail.SAME_DAY_ACH, 100_000_000, on)
    assert not is_within_limit(Rail.SAME_DAY_ACH, 100_000_001, on)


def test_another_table_may_be_given_in_any_order() -> None:
    rows = [
        Limit(rail=Rail.WIRE, effective_on=date(2027, 1, 1), amount_minor=2),
        Limit(rail=Rail.WIRE, effective_on=date(2026, 1, 1), amount_minor=1),
    ]
    assert [limit_minor(Rail.WIRE, date(year, 6, 1), rows) for year in (2025, 2026, 2027)] == [None, 1, 2]
