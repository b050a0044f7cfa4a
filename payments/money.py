"""Money: integer minor units inside, decimal text outside, never a float."""

from __future__ import annotations

import re

CURRENCIES = frozenset({"USD"})
MINOR_DIGITS = 2
AMOUNT_MINOR_MAX = 100_000_000  # 1,000,000.00: the contract's limit for one payment.

# ASCII digits only: `\d` would accept full-width digits, and int() would then read them.
_AMOUNT = re.compile(r"(?P<whole>[0-9]{1,12})(?:\.(?P<fraction>[0-9]{1,2}))?", re.ASCII)


class InvalidAmount(ValueError):
    """Text that is not an amount; the message says what would be."""


def parse_amount(text: str) -> int:
    """Return the minor units (cents) of decimal text such as `1500`, `1500.5` or `1500.00`.

    Refuses signs, spaces, exponents, more than 2 decimals, zero, and more than 1000000.00.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise InvalidAmount("must be decimal digits with at most 2 decimals, such as 1500.00")
    minor = int(match["whole"]) * 10**MINOR_DIGITS + int((match["fraction"] or "").ljust(MINOR_DIGITS, "0"))
    return check_amount_minor(minor)


def check_amount_minor(minor: object) -> int:
    """Return `minor` (cents) when it is an integer and 0 < minor <= 100,000,000, or raise InvalidAmount."""
    if isinstance(minor, bool) or not isinstance(minor, int):
        raise InvalidAmount("must be an integer of minor units")
    if minor <= 0:
        raise InvalidAmount("must be more than 0")
    if minor > AMOUNT_MINOR_MAX:
        raise InvalidAmount("must be at most 1000000.00")
    return minor


def format_amount(minor: int) -> str:
    """Return minor units as decimal text with 2 decimals: 150000 -> `1500.00`, -5 -> `-0.05`."""
    whole, fraction = divmod(abs(minor), 10**MINOR_DIGITS)
    return f"{'-' if minor < 0 else ''}{whole}.{fraction:0{MINOR_DIGITS}d}"
