"""Amounts as statements write them."""

from __future__ import annotations

from payments.currencies import CURRENCY_DECIMALS


def decimal_text(amount_minor: int, currency: str) -> str:
    """Return an amount without its sign as decimal text: -150000 minor units of USD are `1500.00`, of JPY `150000`."""
    decimals = CURRENCY_DECIMALS[currency]
    if not decimals:
        return str(abs(amount_minor))
    whole, fraction = divmod(abs(amount_minor), 10**decimals)
    return f"{whole}.{fraction:0{decimals}d}"
