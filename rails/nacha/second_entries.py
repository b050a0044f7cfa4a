"""Entries that follow an earlier one of ours: reversals, second presentments and fees for what was returned.

Receivers tell them by the batch's entry description, which Nacha prescribes.
"""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from payments.calendar import add_banking_days
from rails.nacha.addenda import PaymentInformation
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import DEBITS, FORWARD, PRENOTES, ServiceClass, reversed_code
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.return_codes import REPRESENTABLE

REVERSAL = "REVERSAL"
RETRY_PAYMENT = "RETRY PYMT"
RETURN_FEE = "RETURN FEE"

REVERSAL_BANKING_DAYS_MAX = 5  # After the entry sent in error settled.
REPRESENTMENTS_MAX = 2
REPRESENTMENT_DAYS_MAX = 180  # After the first entry settled.

_FLIPPED = {
    ServiceClass.MIXED: ServiceClass.MIXED,
    ServiceClass.CREDITS: ServiceClass.DEBITS,
    ServiceClass.DEBITS: ServiceClass.CREDITS,
}


class MayNotBePresentedAgain(Exception):
    """A returned entry that Nacha's rules do not let us send once more; the message says which rule."""


def last_reversal_day(settled_on: date) -> date:
    """Return the last day on which a reversal may reach the receiver's bank."""
    return add_banking_days(settled_on, REVERSAL_BANKING_DAYS_MAX)


def reversal_header(header: BatchHeader, *, batch_number: int, effective_on: date) -> BatchHeader:
    """Return the header of a batch that reverses entries of an earlier one: same company, id and entry class."""
    return msgspec.structs.replace(
        header,
        service_class=_FLIPPED[header.service_class],
        company_entry_description=REVERSAL,
        effective_entry_date=effective_on,
        batch_number=batch_number,
        settlement_day=None,
    )


def reversal_of(entry: EntryDetail, *, trace_number: str) -> EntryDetail:
    """Return the entry that undoes one sent in error: same account and amount, the other way."""
    return msgspec.structs.replace(
        entry, transaction_code=reversed_code(entry.transaction_code), trace_number=trace_number
    )


def retry_header(header: BatchHeader, *, batch_number: int, effective_on: date) -> BatchHeader:
    """Return the header of a batch that presents returned entries again: same company and id."""
    return msgspec.structs.replace(
        header,
        company_entry_description=RETRY_PAYMENT,
        effective_entry_date=effective_on,
        batch_number=batch_number,
        settlement_day=None,
    )


def retry_fault(returned_because: str, *, presented_again: int, settled_on: date, on: date) -> str | None:
    """Return which rule of Nacha's keeps a returned debit from being presented on the date `on`, or None.

    It may be after R01 and R09 only, at most twice, within 180 days after the first entry settled. `presented_again`
    counts the earlier attempts after the first entry.
    """
    if returned_because not in REPRESENTABLE:
        return f"returned as {returned_because}, which is neither R01 nor R09"
    if presented_again >= REPRESENTMENTS_MAX:
        return f"presented again {presented_again} times already, at most {REPRESENTMENTS_MAX}"
    if on > settled_on + timedelta(days=REPRESENTMENT_DAYS_MAX):
        return f"settled more than {REPRESENTMENT_DAYS_MAX} days before"
    return None


def retry_of(
    entry: EntryDetail, *, returned_because: str, presented_again: int, settled_on: date, on: date, trace_number: str
) -> EntryDetail:
    """Return a returned debit, with the same amount, for presentment on the date `on`, or raise MayNotBePresentedAgain.

    `presented_again` counts the earlier attempts after the first entry.
    """
    assert entry.transaction_code in (DEBITS & FORWARD) - PRENOTES, entry.transaction_code
    fault = retry_fault(returned_because, presented_again=presented_again, settled_on=settled_on, on=on)
    if fault is not None:
        raise MayNotBePresentedAgain(fault)
    return msgspec.structs.replace(entry, trace_number=trace_number)


def return_fee_of(entry: EntryDetail, *, fee_minor: int, trace_number: str, information: str = "") -> EntryDetail:
    """Return the debit of a fee (cents) for an entry that was returned, from the same account."""
    assert entry.transaction_code in (DEBITS & FORWARD) - PRENOTES, entry.transaction_code
    assert fee_minor > 0, fee_minor
    addenda = PaymentInformation(payment_related_information=information) if information else None
    return msgspec.structs.replace(entry, amount_minor=fee_minor, trace_number=trace_number, addenda=addenda)


def return_fee_header(header: BatchHeader, *, batch_number: int, effective_on: date) -> BatchHeader:
    """Return the header of a batch of fees for returned entries."""
    return msgspec.structs.replace(
        header,
        company_entry_description=RETURN_FEE,
        effective_entry_date=effective_on,
        batch_number=batch_number,
        settlement_day=None,
    )
