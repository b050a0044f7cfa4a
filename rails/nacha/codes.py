"""The codes that say what an entry does: transaction codes, service classes and standard entry classes.

Only those of checking and savings accounts and of the entry classes that rent travels by. Files with general ledger,
loan or zero-dollar entries, or of other classes, are refused: nothing here would know what to do with them.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from directory.entities import AccountType


class TransactionCode(IntEnum):
    """Columns 2-3 of an entry: what is done to which kind of account. A return or change carries the x1 and x6."""

    CHECKING_CREDIT_RETURN = 21
    CHECKING_CREDIT = 22
    CHECKING_CREDIT_PRENOTE = 23
    CHECKING_DEBIT_RETURN = 26
    CHECKING_DEBIT = 27
    CHECKING_DEBIT_PRENOTE = 28
    SAVINGS_CREDIT_RETURN = 31
    SAVINGS_CREDIT = 32
    SAVINGS_CREDIT_PRENOTE = 33
    SAVINGS_DEBIT_RETURN = 36
    SAVINGS_DEBIT = 37
    SAVINGS_DEBIT_PRENOTE = 38


class ServiceClass(IntEnum):
    """What a batch holds."""

    MIXED = 200
    CREDITS = 220
    DEBITS = 225


class EntryClass(StrEnum):
    """The standard entry class of a batch: how the receiver authorised its entries."""

    PPD = "PPD"  # A consumer, in writing or standing.
    CCD = "CCD"  # A business.
    WEB = "WEB"  # A consumer, online.
    COR = "COR"  # A notification of change; nobody's authorisation is needed.


class Direction(StrEnum):
    """What an entry does to the receiver's account."""

    DEBIT = "debit"
    CREDIT = "credit"


_T = TransactionCode

TRANSACTION_CODES = {f"{code.value}": code for code in _T}
RETURNS = frozenset(
    {_T.CHECKING_CREDIT_RETURN, _T.CHECKING_DEBIT_RETURN, _T.SAVINGS_CREDIT_RETURN, _T.SAVINGS_DEBIT_RETURN}
)
PRENOTES = frozenset(
    {_T.CHECKING_CREDIT_PRENOTE, _T.CHECKING_DEBIT_PRENOTE, _T.SAVINGS_CREDIT_PRENOTE, _T.SAVINGS_DEBIT_PRENOTE}
)
# The second digit: 1 to 4 are credits and what comes back of them, 6 to 9 debits.
DEBITS = frozenset(code for code in _T if code % 10 > 5)
FORWARD = frozenset(_T) - RETURNS

_FORWARD = {
    (AccountType.CHECKING, Direction.CREDIT): _T.CHECKING_CREDIT,
    (AccountType.CHECKING, Direction.DEBIT): _T.CHECKING_DEBIT,
    (AccountType.SAVINGS, Direction.CREDIT): _T.SAVINGS_CREDIT,
    (AccountType.SAVINGS, Direction.DEBIT): _T.SAVINGS_DEBIT,
}


def transaction_code(account_type: AccountType, direction: Direction, *, prenote: bool = False) -> TransactionCode:
    """Return the code of a forward entry, or of its prenote: 23, 28, 33 or 38."""
    code = _FORWARD[account_type, direction]
    return _T(code + 1) if prenote else code


def returned_code(code: TransactionCode) -> TransactionCode:
    """Return the code that a return or a notification of change of a forward entry carries: 22 and 23 -> 21."""
    assert code in FORWARD, code
    return _T(code - (2 if code in PRENOTES else 1))


def reversed_code(code: TransactionCode) -> TransactionCode:
    """Return the code that undoes a forward entry on the same account: 27 -> 22."""
    assert code in FORWARD - PRENOTES, code
    return _T(code - 5 if code in DEBITS else code + 5)
