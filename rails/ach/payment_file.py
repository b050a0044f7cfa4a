"""A file's contents, from its cut-off and the payments in it: the same for the same log, whenever it is built.

Nothing of a file comes from a setting or a clock of today: what its headers say of the sender is in the cut-off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from payments.windows import eastern
from rails.ach.cut_offs import FILE_ID_MODIFIERS
from rails.ach.phases import Leg
from rails.bank import Instruction
from rails.nacha.codes import EntryClass
from rails.nacha.contents import Batch, NachaFile
from rails.nacha.faults import InvalidNachaFile
from rails.nacha.file_header import FileHeader
from rails.nacha.payment_entries import Originator, Place, credits_of, debits
from rails.nacha.second_entries import RETRY_PAYMENT
from rails.nacha.writer import build_file
from schemas.origination import AchCutOff, AchSender

GIVE_BACK_DESCRIPTION = "REFUND"
# The instruction does not say whether a debit is one of a series.
DEBITS_RECUR = False

Payments = Callable[[Leg], Iterable[Instruction]]


def payment_file(cut_off: AchCutOff, counts: Mapping[Leg, int], payments: Payments) -> NachaFile:
    """Return the file of a cut-off: a batch for each leg of which it has entries; `counts` says how many.

    `payments` gives a leg's instructions in the order of their trace numbers; it is gone through once.
    """
    return NachaFile(header=_header(cut_off), batches=_batches(cut_off, counts, payments))


def file_name(cut_off: AchCutOff) -> str:
    """Return the name under which a file is handed in: date, file id, rail and number."""
    created = eastern(cut_off.created_at_us)
    return f"{created:%Y%m%d}-{cut_off.file_id_modifier}-{cut_off.rail}-{cut_off.file_number:08d}.ach"


def unwritable(instructions: Sequence[Instruction], sender: AchSender) -> dict[str, str]:
    """Return those that no file could carry, by reference, and why. It never quotes account numbers or names."""
    if _fault(instructions, sender) is None:
        return {}
    faults = {each.reference: _fault([each], sender) for each in instructions}
    return {reference: fault for reference, fault in faults.items() if fault is not None}


def _fault(instructions: Sequence[Instruction], sender: AchSender) -> str | None:
    """Return why a file of these, with all entries that they may need, cannot be written."""
    if not instructions:
        return None
    at_us = instructions[0].claimed_at_us
    cut_off = AchCutOff(
        file_number=1,
        rail=instructions[0].rail,
        deadline_us=at_us,
        settles_at_us=at_us,
        created_at_us=at_us,
        file_id_modifier=FILE_ID_MODIFIERS[0],
        first_sequence=1,
        entries=len(instructions) * len(Leg),
        sender=sender,
    )
    # A retry is written as its debit is: that it can be is tried once.
    counts = dict.fromkeys(Leg, len(instructions)) | {Leg.RETRY: 0}
    try:
        build_file(payment_file(cut_off, counts, lambda _leg: instructions))
    except InvalidNachaFile as invalid:
        return f"{invalid.fault.field}: {invalid.fault.detail}"
    return None


def _header(cut_off: AchCutOff) -> FileHeader:
    sender = cut_off.sender
    created = eastern(cut_off.created_at_us)
    return FileHeader(
        immediate_destination=sender.destination_routing_number,
        immediate_origin=sender.origin,
        file_creation_date=created.date(),
        file_creation_time=created.time().replace(second=0, microsecond=0, tzinfo=None),
        file_id_modifier=cut_off.file_id_modifier,
        immediate_destination_name=sender.destination_name,
        immediate_origin_name=sender.origin_name,
        reference_code=f"{cut_off.file_number:08d}",
    )


def _batches(cut_off: AchCutOff, counts: Mapping[Leg, int], payments: Payments) -> Iterator[Batch]:
    sender = cut_off.sender
    originator = Originator(
        company_name=sender.company_name,
        company_identification=sender.company_identification,
        routing_number=sender.bank_routing_number,
        entry_description=sender.entry_description,
    )
    place = Place(
        batch_number=0,
        first_sequence=cut_off.first_sequence,
        effective_on=eastern(cut_off.settles_at_us).date(),
    )
    for leg in Leg:
        if not counts[leg]:
            continue
        place = replace(place, batch_number=place.batch_number + 1)
        match leg:
            case Leg.DEBIT:
                yield debits(payments(leg), originator, place, recurring=DEBITS_RECUR)
            case Leg.RETRY:
                again = replace(originator, entry_description=RETRY_PAYMENT)
                yield debits(payments(leg), again, place, recurring=DEBITS_RECUR)
            case Leg.CREDIT:
                yield credits_of(payments(leg), originator, place, entry_class=EntryClass(sender.payee_class))
            case Leg.GIVE_BACK:
                back = (msgspec.structs.replace(each, debit=each.credit, credit=each.debit) for each in payments(leg))
                giving = replace(originator, entry_description=GIVE_BACK_DESCRIPTION)
                # The payer was debited as a consumer, and is credited as one.
                yield credits_of(back, giving, place, entry_class=EntryClass.PPD)
        place = replace(place, first_sequence=place.first_sequence + counts[leg])
