"""What the golden Nacha files hold; the files are in `nacha_files`, named as here."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import count

import msgspec

from directory.entities import AccountType
from payments.rails import Rail
from rails.bank import Instruction, Party
from rails.nacha.answers import answer_header, change_of, contested, dishonored, return_of
from rails.nacha.codes import EntryClass, ServiceClass, TransactionCode
from rails.nacha.contents import Batch, NachaFile, trace_number
from rails.nacha.corrections import Correction, corrected_data
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.payment_entries import Originator, Place, credits_of, debits, debits_of
from rails.nacha.second_entries import (
    retry_header,
    retry_of,
    return_fee_header,
    return_fee_of,
    reversal_header,
    reversal_of,
)
from tests.unit.rails.nacha.contents import ODFI, RDFI, batch_header, entry, nacha_file

OURS, THEIRS = ODFI + "2", RDFI + "4"
ORIGINATOR = Originator(company_name="DIRECTPAY", company_identification="1234567890", routing_number=OURS)
SETTLED_ON = date(2026, 12, 1)

_PAYERS = (
    ("Bob Renter", "987654321", AccountType.CHECKING, 150_000),
    ("Zoë Müller-Lüdenscheidt und Söhne", "S-4711", AccountType.SAVINGS, 98_765),
)


def _instruction(n: int, holder: str, account_number: str, account_type: AccountType, amount_minor: int) -> Instruction:
    return Instruction(
        reference=f"{n:08x}555545558555555555555555:1",
        payment_key=f"demo:rent-{n}",
        rail=Rail.STANDARD_ACH,
        amount_minor=amount_minor,
        currency="USD",
        debit=Party(holder=holder, routing_number=THEIRS, account_number=account_number, account_type=account_type),
        credit=Party(
            holder="Alice Landlord",
            routing_number="021000021",
            account_number="123456789",
            account_type=AccountType.CHECKING,
        ),
        claimed_at_us=0,
        settle_by_us=0,
    )


INSTRUCTIONS = [_instruction(n, *payer) for n, payer in enumerate(_PAYERS, 1)]


def _whole(batch: Batch) -> Batch:
    return Batch(header=batch.header, entries=tuple(batch.entries))


def payments() -> NachaFile:
    place = Place(batch_number=1, first_sequence=1, effective_on=SETTLED_ON)
    later = Place(batch_number=2, first_sequence=3, effective_on=date(2026, 12, 2))
    return nacha_file(
        _whole(debits(INSTRUCTIONS, ORIGINATOR, place, recurring=True)),
        _whole(credits_of(INSTRUCTIONS, ORIGINATOR, later, entry_class=EntryClass.CCD)),
    )


def refunds() -> NachaFile:
    """The payments given back: the landlord, a business, is debited, and the renters are credited."""
    refund = replace(ORIGINATOR, entry_description="REFUND")
    back = [msgspec.structs.replace(each, debit=each.credit, credit=each.debit) for each in INSTRUCTIONS]
    place = Place(batch_number=1, first_sequence=1, effective_on=SETTLED_ON)
    later = Place(batch_number=2, first_sequence=3, effective_on=date(2026, 12, 2))
    return nacha_file(
        _whole(debits_of(back, refund, place, entry_class=EntryClass.CCD)),
        _whole(credits_of(back, refund, later, entry_class=EntryClass.PPD)),
    )


def prenotes() -> NachaFile:
    codes = (
        TransactionCode.CHECKING_CREDIT_PRENOTE,
        TransactionCode.CHECKING_DEBIT_PRENOTE,
        TransactionCode.SAVINGS_CREDIT_PRENOTE,
        TransactionCode.SAVINGS_DEBIT_PRENOTE,
    )
    entries = tuple(entry(n, transaction_code=code, amount_minor=0) for n, code in enumerate(codes, 1))
    return nacha_file(Batch(header=batch_header(), entries=entries))


def answers() -> NachaFile:
    """What comes back of four debits: two returns, one of a deceased, a dishonored and a contested one, a change."""
    traces = (trace_number(RDFI, sequence) for sequence in count(1))
    sent = batch_header(standard_entry_class=EntryClass.WEB, service_class=ServiceClass.DEBITS)
    returned = (
        return_of(entry(1), code="R01", to_routing_number=OURS, trace_number=next(traces)),
        return_of(
            entry(2), code="R15", to_routing_number=OURS, trace_number=next(traces),
            date_of_death=date(2026, 11, 20), information="ESTATE OF THE RECEIVER",
        ),
    )  # fmt: skip
    contested = _contested(next(traces))
    change = change_of(
        entry(4),
        code="C07",
        corrected_data=corrected_data("C07", Correction(
            routing_number="021000021", account_number="31415926", transaction_code=TransactionCode.SAVINGS_DEBIT,
        )),
        to_routing_number=OURS,
        trace_number=next(traces),
    )  # fmt: skip
    header = answer_header(sent, codes=[each.transaction_code for each in returned], from_dfi=RDFI, batch_number=1)
    return nacha_file(
        Batch(header=header, entries=returned),
        Batch(header=batch_header(**_same(header), batch_number=2), entries=(contested,)),
        Batch(
            header=answer_header(sent, codes=[change.transaction_code], from_dfi=RDFI, batch_number=3, changes=True),
            entries=(change,),
        ),
    )


def _same(header: object) -> dict[str, object]:
    names = ("service_class", "standard_entry_class", "originating_dfi_identification")
    return {name: getattr(header, name) for name in names}


def _contested(trace: str) -> EntryDetail:
    first = return_of(entry(3), code="R10", to_routing_number=OURS, trace_number=trace_number(RDFI, 90))
    refused = dishonored(
        first, code="R68", settled_on=date(2026, 12, 3), to_routing_number=THEIRS, trace_number=trace_number(ODFI, 91)
    )
    return contested(
        refused, code="R73", entry_settled_on=SETTLED_ON, returned_on=date(2026, 12, 3), settled_on=date(2026, 12, 4),
        to_routing_number=OURS, trace_number=trace,
    )  # fmt: skip


def seconds() -> NachaFile:
    """What may follow an entry of ours: a dishonored return, a reversal, a second presentment, a fee."""
    sent = batch_header(standard_entry_class=EntryClass.WEB, service_class=ServiceClass.DEBITS)
    on = date(2026, 12, 7)
    late = return_of(entry(1), code="R01", to_routing_number=OURS, trace_number=trace_number(RDFI, 1))
    refused = dishonored(late, code="R68", settled_on=on, to_routing_number=THEIRS, trace_number=trace_number(ODFI, 10))
    again = retry_of(
        entry(1), returned_because="R01", presented_again=0, settled_on=SETTLED_ON, on=on,
        trace_number=trace_number(ODFI, 12),
    )  # fmt: skip
    return nacha_file(
        Batch(
            header=answer_header(sent, codes=[refused.transaction_code], from_dfi=ODFI, batch_number=1),
            entries=(refused,),
        ),
        Batch(
            header=reversal_header(sent, batch_number=2, effective_on=on),
            entries=(reversal_of(entry(2), trace_number=trace_number(ODFI, 11)),),
        ),
        Batch(header=retry_header(sent, batch_number=3, effective_on=on), entries=(again,)),
        Batch(
            header=return_fee_header(sent, batch_number=4, effective_on=on),
            entries=(return_fee_of(entry(1), fee_minor=2_500, trace_number=trace_number(ODFI, 13)),),
        ),
    )


GOLDEN = {"payments": payments, "refunds": refunds, "prenotes": prenotes, "answers": answers, "seconds": seconds}
