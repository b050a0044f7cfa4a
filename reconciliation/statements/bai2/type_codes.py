"""What a BAI2 type code says of its amount. Source: BAI2, appendix A, and section "type codes" for the ranges."""

from __future__ import annotations

from reconciliation.statements.faults import BrokenText, Rule
from reconciliation.statements.values import Direction

OPENING_LEDGER, CLOSING_LEDGER = "010", "015"
TOTAL_CREDITS, CREDITS_COUNT = "100", "102"
TOTAL_DEBITS, DEBITS_COUNT = "400", "402"
# Details that move no money.
NON_MONETARY = "890"
# A debit reversal is a credit, a credit reversal a debit; 258 and 558 are those of ACH.
REVERSALS = frozenset({"252", "258", "552", "558"})

_RANGES = (
    (range(100, 400), Direction.CREDIT),
    (range(400, 700), Direction.DEBIT),
    # Those that banks and customers agree on.
    (range(930, 960), Direction.CREDIT),
    (range(960, 1000), Direction.DEBIT),
)


def type_code(text: str) -> str:
    """Return `text` when it is a type code; raises BrokenText."""
    if not (len(text) == 3 and text.isascii() and text.isdecimal()):
        raise BrokenText(Rule.CODE, "must be a type code of 3 digits")
    return text


def direction_of(code: str) -> Direction:
    """Return what a transaction of this code does to the account; raises BrokenText for balances and loans."""
    for codes, direction in _RANGES:
        if int(code) in codes:
            return direction
    raise BrokenText(Rule.CODE, "must be the type code of a credit (100-399, 930-959) or a debit (400-699, 960-999)")
