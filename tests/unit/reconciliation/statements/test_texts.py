"""Amounts and days as text: what they are, and what they are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from payments.currencies import CURRENCY_DECIMALS
from rails.simulated.statements.amounts import decimal_text
from reconciliation.statements.amounts import minor_units
from reconciliation.statements.days import plain_day, xml_day, xml_time_day, yymmdd
from reconciliation.statements.faults import BrokenText, Rule


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1500", "USD", 150_000),
        ("1500.5", "USD", 150_050),
        ("0001500.05000", "USD", 150_005),
        (".05", "USD", 5),
        ("5.", "USD", 500),
        ("0", "USD", 0),
        ("1500.00000", "JPY", 1500),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12_345),
        ("9999999999999999.99", "USD", 999_999_999_999_999_999),
    ],
)
def test_decimal_text_is_minor_units(text: str, currency: str, minor: int) -> None:
    assert minor_units(text, currency) == minor


@pytest.mark.parametrize("text", ["", ".", "-1", "+1", "1e3", "1,5", " 1", "1_000", "١", "NaN", "0x1", "1.123456"])
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(BrokenText) as refused:
        minor_units(text, "USD")
    assert refused.value.rule is Rule.AMOUNT


@pytest.mark.parametrize(
    ("text", "currency"), [("0.001", "USD"), ("0.1", "JPY"), ("0.0001", "KWD"), ("0.00001", "CLF")]
)
def test_less_than_a_minor_unit_is_refused(text: str, currency: str) -> None:
    with pytest.raises(BrokenText) as refused:
        minor_units(text, currency)
    assert refused.value.rule is Rule.MINOR_UNITS


@given(st.integers(0, 10**18 - 1), st.sampled_from(sorted(CURRENCY_DECIMALS)), st.integers(0, 3))
@example(10**15, "AED", 3)
def test_amounts_of_every_currency_survive(minor: int, currency: str, zeros: int) -> None:
    text = decimal_text(minor, currency)
    if zeros:
        text += ("" if "." in text else ".") + "0" * min(zeros, 5 - CURRENCY_DECIMALS[currency])
    assert minor_units(text, currency) == minor


@pytest.mark.parametrize(("text", "currency"), [("1" + "0" * 16, "USD"), ("1" + "0" * 18, "JPY"), ("9" * 5000, "USD")])
def test_an_amount_of_more_than_18_digits_in_minor_units_is_refused(text: str, currency: str) -> None:
    with pytest.raises(BrokenText) as refused:
        minor_units(text, currency)
    assert refused.value.rule is Rule.AMOUNT


def test_currencies_have_the_decimals_that_iso_4217_gives_them() -> None:
    # One of each kind, and those that are often taken for another.
    known = {
        "USD": 2,
        "EUR": 2,
        "JPY": 0,
        "KRW": 0,
        "ISK": 0,
        "HUF": 2,
        "CLP": 0,
        "CLF": 4,
        "KWD": 3,
        "TND": 3,
        "MGA": 2,
    }
    assert {currency: CURRENCY_DECIMALS[currency] for currency in known} == known
    assert not CURRENCY_DECIMALS.keys() & {"XAU", "XXX", "XTS", "XDR", "DEM", "usd"}


DAYS: list[tuple[Callable[[str], date], str]] = [
    (plain_day, "2026-12-01"),
    (xml_day, "2026-12-01"),
    (xml_day, "2026-12-01Z"),
    (xml_day, "2026-12-01+14:00"),
    (xml_time_day, "2026-12-01T00:00:00"),
    (xml_time_day, "2026-12-01T23:59:59.999999999-05:00"),
    (xml_time_day, "2026-12-01T24:00:00Z"),
    (yymmdd, "261201"),
]


@pytest.mark.parametrize(("reader", "text"), DAYS)
def test_a_day_is_the_one_that_is_written(reader: Callable[[str], date], text: str) -> None:
    assert reader(text) == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (plain_day, "20261201"),
        (plain_day, "2026-W49-2"),
        (plain_day, "2026-12-01Z"),
        (plain_day, "2026-13-01"),
        (plain_day, "0000-01-01"),
        (plain_day, "２０２６-12-01"),
        (xml_day, "2026-02-29"),
        (xml_day, "2026-12-01+15:00"),
        (xml_time_day, "2026-12-01"),
        (xml_time_day, "2026-12-01 00:00:00"),
        (xml_time_day, "2026-12-01T24:00:01"),
        (xml_time_day, "2026-12-01T12:60:00"),
        (yymmdd, "261301"),
        (yymmdd, "20261201"),
        (yymmdd, "2612 1"),
    ],
)
def test_what_is_no_day_is_refused(reader: Callable[[str], date], text: str) -> None:
    with pytest.raises(BrokenText) as refused:
        reader(text)
    assert refused.value.rule is Rule.DATE
