"""Amounts as statements write them, read into integers of minor units: no float on the way."""

from __future__ import annotations

import re

from payments.currencies import CURRENCY_DECIMALS
from reconciliation.statements.faults import BrokenText, Rule

# ISO 20022's ActiveOrHistoricCurrencyAndAmount.
DIGITS_MAX = 18
DECIMALS_MAX = 5

_DECIMAL = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_SIGNED = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


def check_currency(currency: str) -> str:
    """Return `currency` when ISO 4217 has it; raises BrokenText."""
    if currency not in CURRENCY_DECIMALS:
        raise BrokenText(Rule.CURRENCY, "must be a currency of ISO 4217, three capital letters")
    return currency


def minor_units(text: str, currency: str, *, decimals_max: int = DECIMALS_MAX) -> int:
    """Return the minor units of decimal text: `15`, `15.0` and `15.00000` are 1500 in USD; raises BrokenText.

    More decimals than the currency has are fine while they are zeros: what is less than a minor unit is no money that
    an account could hold.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None or not (match["whole"] or match["fraction"]):
        raise BrokenText(Rule.AMOUNT, "must be a decimal number without a sign, such as 1500.00")
    whole, fraction = match["whole"].lstrip("0"), match["fraction"] or ""
    decimals = CURRENCY_DECIMALS[currency]
    # Zeros behind the minor units are no digits of the value (XML Schema's totalDigits, which ISO 20022 says 18 of).
    if len(fraction) > decimals_max or len(whole) + decimals > DIGITS_MAX:
        raise BrokenText(Rule.AMOUNT, f"must have at most {DIGITS_MAX} digits, {decimals_max} of them decimals")
    if fraction[decimals:].strip("0"):
        raise BrokenText(Rule.MINOR_UNITS, f"must be whole minor units: {currency} has {decimals} decimals")
    return int(whole + fraction[:decimals].ljust(decimals, "0") or "0")


def whole_number(text: str) -> int:
    """Return a count, or an amount that is written in minor units; raises BrokenText."""
    if not _WHOLE.fullmatch(text):
        raise BrokenText(Rule.FORMAT, "must be 1 to 18 digits")
    return int(text)


def signed_number(text: str) -> int:
    """Return an amount in minor units with or without a sign; raises BrokenText."""
    if not _SIGNED.fullmatch(text):
        raise BrokenText(Rule.AMOUNT, "must be 1 to 18 digits, perhaps behind a sign, without a decimal point")
    return int(text)
