"""A payment on ACH: a debit of the payer in one file, and a credit of the payee in a later one.

A debit that the payer authorised online is WEB. Whoever has agreed to entries in writing is debited and credited as a
person (PPD) or a business (CCD).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from payments.calendar import add_banking_days
from rails.bank import Instruction, Party, Reference
from rails.nacha.addenda import BANK_DIGITS, PaymentInformation
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import Direction, EntryClass, ServiceClass, transaction_code
from rails.nacha.contents import Batch, trace_number
from rails.nacha.entry_detail import EntryDetail

NAME_CHARACTERS = 22
IDENTIFICATION_CHARACTERS = 15
NAMELESS = "UNKNOWN"  # The name is mandatory; some alphabets have nothing that Nacha can carry.
# Letters of European names that Unicode does not take apart.
_PLAIN = str.maketrans(
    {"ß": "ss", "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d"}
)
PRENOTE_BANKING_DAYS = 3  # Banks have two of them to answer.
SINGLE, RECURRING = "S", "R"  # The payment type code of a WEB entry, in its discretionary data.


@dataclass(frozen=True, slots=True, kw_only=True)
class Originator:
    """Who sends: the company as receivers see it, and its bank, by routing number (9 digits)."""

    company_name: str
    company_identification: str
    routing_number: str
    entry_description: str = "RENT"

    @property
    def dfi_identification(self) -> str:
        return self.routing_number[:BANK_DIGITS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a file a batch stands, and the sequence of its first trace number."""

    batch_number: int
    first_sequence: int
    effective_on: date


def debits(instructions: Iterable[Instruction], originator: Originator, place: Place, *, recurring: bool) -> Batch:
    """Return the batch that debits the payers, in the order given."""
    entries = (
        _entry(instruction, instruction.debit, Direction.DEBIT, trace, RECURRING if recurring else SINGLE)
        for trace, instruction in _traced(instructions, originator, place)
    )
    return Batch(header=_header(originator, place, ServiceClass.DEBITS, EntryClass.WEB), entries=entries)


def debits_of(
    instructions: Iterable[Instruction], originator: Originator, place: Place, *, entry_class: EntryClass
) -> Batch:
    """Return the batch that debits the payers, in the order given, by a standing authority: PPD of people, CCD of
    businesses."""
    assert entry_class in (EntryClass.PPD, EntryClass.CCD), entry_class
    entries = (
        _entry(instruction, instruction.debit, Direction.DEBIT, trace, "")
        for trace, instruction in _traced(instructions, originator, place)
    )
    return Batch(header=_header(originator, place, ServiceClass.DEBITS, entry_class), entries=entries)


def credits_of(
    instructions: Iterable[Instruction], originator: Originator, place: Place, *, entry_class: EntryClass
) -> Batch:
    """Return the batch that credits the payees, in the order given: PPD for people, CCD for businesses."""
    assert entry_class in (EntryClass.PPD, EntryClass.CCD), entry_class
    entries = (
        _entry(instruction, instruction.credit, Direction.CREDIT, trace, "")
        for trace, instruction in _traced(instructions, originator, place)
    )
    return Batch(header=_header(originator, place, ServiceClass.CREDITS, entry_class), entries=entries)


def prenote(party: Party, direction: Direction, trace_number: str) -> EntryDetail:
    """Return the entry of nothing by which an account is tried before money is moved."""
    return EntryDetail(
        transaction_code=transaction_code(party.account_type, direction, prenote=True),
        routing_number=party.routing_number,
        account_number=party.account_number,
        amount_minor=0,
        individual_name=nacha_name(party.holder),
        trace_number=trace_number,
    )


def prenotes_of(instructions: Iterable[Instruction], originator: Originator, place: Place) -> Batch:
    """Return the batch that tries the payers' accounts, in the order given, before they are debited as WEB."""
    entries = (
        msgspec.structs.replace(
            prenote(instruction.debit, Direction.DEBIT, trace),
            individual_identification_number=identification(instruction.reference),
            discretionary_data=SINGLE,
        )
        for trace, instruction in _traced(instructions, originator, place)
    )
    return Batch(header=_header(originator, place, ServiceClass.DEBITS, EntryClass.WEB), entries=entries)


def first_live_day(settled_on: date) -> date:
    """Return the first day on which an account may be debited whose prenote settled on a date, and was not answered.

    Nacha Operating Rules, 2.6.3: the third banking day after it, since 19 September 2014.
    """
    return add_banking_days(settled_on, PRENOTE_BANKING_DAYS)


def nacha_name(name: str) -> str:
    """Return a person's or company's name as an entry can carry it: 22 ASCII characters, accents dropped.

    A name of which nothing is left that Nacha knows becomes UNKNOWN: banks post by account number.
    """
    plain = unicodedata.normalize("NFKD", name.translate(_PLAIN)).encode("ascii", "ignore").decode("ascii")
    kept = " ".join("".join(each if each.isprintable() else " " for each in plain).split())
    return kept[:NAME_CHARACTERS].rstrip() or NAMELESS


def identification(reference: str) -> str:
    """Return what a person may search a payment by: the first 15 hexadecimal digits of its id."""
    return str(Reference.parse(reference))[:IDENTIFICATION_CHARACTERS].upper()


def _traced(
    instructions: Iterable[Instruction], originator: Originator, place: Place
) -> Iterator[tuple[str, Instruction]]:
    for sequence, instruction in enumerate(instructions, place.first_sequence):
        yield trace_number(originator.dfi_identification, sequence), instruction


def _header(originator: Originator, place: Place, service_class: ServiceClass, entry_class: EntryClass) -> BatchHeader:
    return BatchHeader(
        service_class=service_class,
        company_name=originator.company_name,
        company_identification=originator.company_identification,
        standard_entry_class=entry_class,
        company_entry_description=originator.entry_description,
        effective_entry_date=place.effective_on,
        originating_dfi_identification=originator.dfi_identification,
        batch_number=place.batch_number,
    )


def _entry(instruction: Instruction, party: Party, direction: Direction, trace: str, payment_type: str) -> EntryDetail:
    return EntryDetail(
        transaction_code=transaction_code(party.account_type, direction),
        routing_number=party.routing_number,
        account_number=party.account_number,
        amount_minor=instruction.amount_minor,
        individual_name=nacha_name(party.holder),
        individual_identification_number=identification(instruction.reference),
        discretionary_data=payment_type,
        trace_number=trace,
        # Our own reference, so that a return can be told apart even where the trace number was lost on the way.
        addenda=PaymentInformation(payment_related_information=instruction.reference),
    )
