"""Filters of lists: a time is taken in any zone, and one that no payment can have is refused, not looked for."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from ingest_api.listing import QueryString
from payments.refusals import InvalidCommand
from tests.unit.ingest_api.requests import request_with

YEAR_2000_US = 946_684_800_000_000


@pytest.mark.parametrize(
    ("text", "moment_us"),
    [
        ("2000-01-01", YEAR_2000_US),
        ("2000-01-01T00:00:00Z", YEAR_2000_US),
        ("2000-01-01T14:00:00+14:00", YEAR_2000_US),
        ("2000-01-01T00:00:00.000001", YEAR_2000_US + 1),
        ("2199-12-31T23:59:59.999999Z", 7_258_118_399_999_999),
    ],
)
def test_a_moment_is_microseconds_since_1970(text: str, moment_us: int) -> None:
    query = QueryString(request_with(query=f"from={quote(text)}"))
    assert query.moment_us("from") == moment_us
    query.check()


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00", "0001-01-01", "9999-12-31T23:59:59-14:00", "9999-12-31", "1999-12-31",
        "2200-01-01", "2000-01-01T00:00:00+00:01", "yesterday", "2026-02-30",
    ],
)  # fmt: skip
def test_a_moment_that_no_payment_can_have_is_a_fault_of_its_parameter(text: str) -> None:
    query = QueryString(request_with(query=f"from={quote(text)}"))
    assert query.moment_us("from") is None
    with pytest.raises(InvalidCommand) as refused:
        query.check()
    assert [error.field for error in refused.value.errors] == ["from"]
