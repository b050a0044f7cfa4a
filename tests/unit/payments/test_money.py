from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import AMOUNT_MINOR_MAX, InvalidAmount, check_amount_minor, format_amount, parse_amount
from tests.unit.payments.histories import amounts_minor


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1500", 150_000),
        ("1500.0", 150_000),
        ("1500.00", 150_000),
        ("1500.5", 150_050),
        ("0.01", 1),
        ("0.1", 10),
        ("00012.30", 1_230),
        ("1000000", 100_000_000),
        ("1000000.00", 100_000_000),
        ("999999.99", 99_999_999),
    ],
)
def test_decimal_text_is_read_as_minor_units(text: str, minor: int) -> None:
    assert parse_amount(text) == minor


@pytest.mark.parametrize(
    "text",
    [
        "0", "0.0", "0.00", "-1", "+1", "-0.01", "1000000.01", "1000001", "999999999999", "0.001", "1.234", "1500.000",
        "NaN", "nan", "Infinity", "-Infinity", "inf", "1e400", "1e2", "1E2", "1e-1", "true", "True", "null", "None", "",
        " ", " 5", "5 ", "5\n", "\t5", "1 500", "1,500", "1,500.00", "1.500,00", "1_500", "12a", "a12", "0x10", "0b1",
        "1.", ".5", ".", "1..2", "1.2.3", "$5", "5 USD", "５", "１５００", "1５", "1.５", "٣", "४", "²", "½", "五",
        "5\u200b", "\ufeff5", "5\0", "−5", "5\u00a0", "1٫5", "\ud835\udfd3", "\ud800", "9" * 400, "9" * 5000,
    ],
)  # fmt: skip
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_amount(text)


@given(amounts_minor)
def test_every_amount_survives_being_written_and_read(minor: int) -> None:
    text = format_amount(minor)
    assert parse_amount(text) == minor
    assert Decimal(text) * 100 == minor


@given(st.text())
def test_text_that_is_read_is_the_decimal_that_it_says(text: str) -> None:
    try:
        minor = parse_amount(text)
    except InvalidAmount:
        return
    assert text.isascii()
    assert Decimal(text) * 100 == minor
    assert 0 < minor <= AMOUNT_MINOR_MAX


@given(st.decimals(min_value=Decimal("0.001"), max_value=Decimal(2_000_000), places=3))
def test_decimals_are_amounts_exactly_when_they_are_whole_cents_within_the_limit(value: Decimal) -> None:
    text = f"{value:f}"
    cents = value * 100
    if cents == cents.to_integral_value() and 0 < cents <= AMOUNT_MINOR_MAX:
        assert parse_amount(text.removesuffix("0")) == cents
    else:
        with pytest.raises(InvalidAmount):
            parse_amount(text.removesuffix("0"))


@pytest.mark.parametrize("minor", [0, -1, AMOUNT_MINOR_MAX + 1, True, False, 5.0, "5", None, 10**30])
def test_minor_units_out_of_range_or_of_another_type_are_refused(minor: object) -> None:
    with pytest.raises(InvalidAmount):
        check_amount_minor(minor)


@pytest.mark.parametrize(
    ("minor", "text"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (150_000, "1500.00"),
        (-5, "-0.05"),
        (-150_050, "-1500.50"),
        (10**17, "1000000000000000.00"),
    ],
)
def test_sums_are_written_with_two_decimals_also_when_negative_or_large(minor: int, text: str) -> None:
    assert format_amount(minor) == text
