"""What banks answer to entries, and to each other's answers, made from what they are about: returns, dishonored and
contested ones, and notifications of change.

An answer travels to the bank that sent the entry, names the entry by its trace number, and has a trace number of its
own, of the bank that answers.
"""

from __future__ import annotations

from datetime import date

import msgspec

from rails.nacha.addenda import BANK_DIGITS, NotificationOfChange
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import DEBITS, EntryClass, ServiceClass, TransactionCode, returned_code
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.return_addenda import ContestedReturn, DishonoredReturn, Return


def return_of(
    entry: EntryDetail,
    *,
    code: str,
    to_routing_number: str,
    trace_number: str,
    date_of_death: date | None = None,
    information: str = "",
) -> EntryDetail:
    """Return the return of a forward entry, to the bank that sent it, because of return reason `code`."""
    addenda = Return(
        return_reason_code=code,
        original_trace_number=entry.trace_number,
        original_receiving_dfi=entry.routing_number[:BANK_DIGITS],
        date_of_death=date_of_death,
        addenda_information=information,
    )
    return msgspec.structs.replace(
        entry,
        transaction_code=returned_code(entry.transaction_code),
        routing_number=to_routing_number,
        trace_number=trace_number,
        addenda=addenda,
    )


def change_of(
    entry: EntryDetail, *, code: str, corrected_data: str, to_routing_number: str, trace_number: str
) -> EntryDetail:
    """Return the notification of change of a forward entry, to the bank that sent it. It moves no money."""
    addenda = NotificationOfChange(
        change_code=code,
        original_trace_number=entry.trace_number,
        original_receiving_dfi=entry.routing_number[:BANK_DIGITS],
        corrected_data=corrected_data,
    )
    return msgspec.structs.replace(
        entry,
        transaction_code=returned_code(entry.transaction_code),
        routing_number=to_routing_number,
        amount_minor=0,
        trace_number=trace_number,
        addenda=addenda,
    )


def dishonored(
    returned: EntryDetail, *, code: str, settled_on: date, to_routing_number: str, trace_number: str
) -> EntryDetail:
    """Return the refusal of a return that settled on a date, to the bank that sent it, because of reason `code`."""
    addenda = returned.addenda
    assert isinstance(addenda, Return), addenda
    return msgspec.structs.replace(
        returned,
        routing_number=to_routing_number,
        trace_number=trace_number,
        addenda=DishonoredReturn(
            dishonored_return_reason_code=code,
            original_trace_number=addenda.original_trace_number,
            original_receiving_dfi=addenda.original_receiving_dfi,
            return_trace_number=returned.trace_number,
            return_settlement_day=_day_of_year(settled_on),
            return_reason_code=addenda.return_reason_code,
        ),
    )


def contested(
    dishonored_return: EntryDetail,
    *,
    code: str,
    entry_settled_on: date,
    returned_on: date,
    settled_on: date,
    to_routing_number: str,
    trace_number: str,
) -> EntryDetail:
    """Return the insistence on a return whose refusal settled on a date, to the bank that refused it, because of reason
    `code`. Of the days before it names when the first entry settled, and when that was returned."""
    addenda = dishonored_return.addenda
    assert isinstance(addenda, DishonoredReturn), addenda
    return msgspec.structs.replace(
        dishonored_return,
        routing_number=to_routing_number,
        trace_number=trace_number,
        addenda=ContestedReturn(
            contested_return_reason_code=code,
            original_trace_number=addenda.original_trace_number,
            returned_on=returned_on,
            original_receiving_dfi=addenda.original_receiving_dfi,
            original_settlement_day=_day_of_year(entry_settled_on),
            return_trace_number=addenda.return_trace_number,
            return_settlement_day=addenda.return_settlement_day,
            return_reason_code=addenda.return_reason_code,
            dishonored_return_trace_number=dishonored_return.trace_number,
            dishonored_return_settlement_day=_day_of_year(settled_on),
            dishonored_return_reason_code=addenda.dishonored_return_reason_code,
        ),
    )


def answer_header(
    header: BatchHeader, *, codes: list[TransactionCode], from_dfi: str, batch_number: int, changes: bool = False
) -> BatchHeader:
    """Return the header of answers to entries of one batch: the originator's own, sent by the bank `from_dfi`.

    `codes` are those of the answers; `changes`: they are notifications of change.
    """
    are_debits = {code in DEBITS for code in codes}
    service_class = ServiceClass.MIXED
    if len(are_debits) == 1:
        service_class = ServiceClass.DEBITS if are_debits.pop() else ServiceClass.CREDITS
    return msgspec.structs.replace(
        header,
        service_class=service_class,
        standard_entry_class=EntryClass.COR if changes else header.standard_entry_class,
        originating_dfi_identification=from_dfi,
        batch_number=batch_number,
        settlement_day=None,
    )


def _day_of_year(day: date) -> int:
    return day.timetuple().tm_yday
