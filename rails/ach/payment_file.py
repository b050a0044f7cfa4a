"""A file's contents, from its cut-off and the payments in it: the same for the same log, whenever it is built.

Nothing of a file comes from a setting or a clock of today: what its headers say of the sender is in the cut-off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

import msgspec

from payments.windows import eastern
from rails.ach.cut_offs import FILE_ID_MODIFIERS
from rails.ach.dishonored_returns import DishonoredReturn, dishonored_batch
from rails.ach.phases import PARTS, Leg, Part
from rails.bank import Instruction
from rails.nacha.codes import EntryClass
from rails.nacha.contents import Batch, NachaFile
from rails.nacha.faults import InvalidNachaFile
from rails.nacha.file_header import FileHeader
from rails.nacha.payment_entries import Originator, Place, credits_of, debits, debits_of, prenotes_of
from rails.nacha.second_entries import RETRY_PAYMENT
from rails.nacha.writer import build_file
from schemas.origination import AchCutOff, AchSender

REFUND_DESCRIPTION = "REFUND"
# The instruction does not say whether a debit is one of a series.
DEBITS_RECUR = False
# That all entries which a payment may need can be written is tried before it is taken: the others are as its debit is.
TRIED_LEGS = frozenset({Leg.DEBIT, Leg.CREDIT, Leg.GIVE_BACK})

Payments = Callable[[Part], Iterable[Instruction]]
Returns = Callable[[Part], Iterable[DishonoredReturn]]


def no_returns(_part: Part) -> Iterable[DishonoredReturn]:
    """Of a file that dishonors none."""
    return ()


def payment_file(
    cut_off: AchCutOff, counts: Mapping[Part, int], payments: Payments, returns: Returns = no_returns
) -> NachaFile:
    """Return the file of a cut-off: a batch for each part of which it has entries; `counts` says how many.

    `payments` gives a part's instructions in the order of their trace numbers, `returns` those that are dishonored;
    each is gone through once.
    """
    return NachaFile(header=_header(cut_off), batches=_batches(cut_off, counts, payments, returns))


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
    by_part = {part: [each for each in instructions if each.is_refund is part.is_refund] for part in PARTS}
    counts = {part: len(some) for part, some in by_part.items() if part.leg in TRIED_LEGS}
    at_us = instructions[0].claimed_at_us
    cut_off = AchCutOff(
        file_number=1,
        rail=instructions[0].rail,
        deadline_us=at_us,
        settles_at_us=at_us,
        created_at_us=at_us,
        file_id_modifier=FILE_ID_MODIFIERS[0],
        first_sequence=1,
        entries=sum(counts.values()),
        sender=sender,
    )
    try:
        build_file(payment_file(cut_off, counts, by_part.__getitem__))
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


def _batches(cut_off: AchCutOff, counts: Mapping[Part, int], payments: Payments, returns: Returns) -> Iterator[Batch]:
    place = Place(
        batch_number=0,
        first_sequence=cut_off.first_sequence,
        effective_on=eastern(cut_off.settles_at_us).date(),
    )
    for part in PARTS:
        if count := counts.get(part, 0):
            place = replace(place, batch_number=place.batch_number + 1)
            if part.leg is Leg.DISHONOR:
                debits_there = partial(_batch, Part(Leg.DEBIT, part.is_refund), sender=cut_off.sender, place=place)
                yield dishonored_batch(returns(part), debits_there, cut_off.sender, place)
            else:
                yield _batch(part, payments(part), cut_off.sender, place)
            place = replace(place, first_sequence=place.first_sequence + count)


def _batch(part: Part, instructions: Iterable[Instruction], sender: AchSender, place: Place) -> Batch:
    """Return the batch of a part.

    A renter authorises debits online (WEB), and is credited as a consumer (PPD). A landlord is credited, and debited of
    what is refunded, by a standing agreement with us: as a consumer (PPD) or as a business (CCD). A consumer's account
    that is debited as a business's is unauthorised (R05).
    """
    originator = _originator(part, sender)
    landlord_class = EntryClass(sender.payee_class)
    match part.leg:
        case Leg.PRENOTE:
            return prenotes_of(instructions, originator, place)
        case Leg.DEBIT | Leg.RETRY if part.is_refund:
            return debits_of(instructions, originator, place, entry_class=landlord_class)
        case Leg.DEBIT | Leg.RETRY:
            return debits(instructions, originator, place, recurring=DEBITS_RECUR)
        case Leg.CREDIT:
            to_class = EntryClass.PPD if part.is_refund else landlord_class
            return credits_of(instructions, originator, place, entry_class=to_class)
        case Leg.GIVE_BACK:
            # To whoever was debited.
            back = (msgspec.structs.replace(each, debit=each.credit, credit=each.debit) for each in instructions)
            back_class = landlord_class if part.is_refund else EntryClass.PPD
            return credits_of(back, originator, place, entry_class=back_class)
        case Leg.DISHONOR:
            raise AssertionError("a dishonored return is made of the return")
        case _:
            assert_never(part.leg)


def _originator(part: Part, sender: AchSender) -> Originator:
    """Return the company, as the batch header names it: the same in all; receivers tell by the description for what."""
    description = sender.entry_description
    if part.leg is Leg.RETRY:
        description = RETRY_PAYMENT
    elif part.is_refund or part.leg is Leg.GIVE_BACK:
        description = REFUND_DESCRIPTION
    return Originator(
        company_name=sender.company_name,
        company_identification=sender.company_identification,
        routing_number=sender.bank_routing_number,
        entry_description=description,
    )
