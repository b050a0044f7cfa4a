"""Returns that came too late, sent back: each names the debit that it is about, and the return that is not taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from payments.windows import eastern
from rails.bank import Instruction
from rails.nacha.addenda import BANK_DIGITS
from rails.nacha.answers import dishonored, return_of
from rails.nacha.contents import Batch, trace_number
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.payment_entries import Place
from schemas.origination import AchReturn, AchSender

UNTIMELY_RETURN = "R68"


class DishonoredReturn(NamedTuple):
    """A return, and the payment whose debit it sent back."""

    instruction: Instruction
    returned: AchReturn


def dishonored_batch(
    returns: Iterable[DishonoredReturn],
    debits_of: Callable[[Iterable[Instruction]], Batch],
    sender: AchSender,
    place: Place,
) -> Batch:
    """Return the batch that dishonors returns, in the order given; `debits_of` gives the batch of some debits there.

    Its header is theirs: the same company and class, from the same bank (Nacha Operating Rules, appendix four).
    """

    def entries() -> Iterator[EntryDetail]:
        for sequence, (instruction, returned) in enumerate(returns, place.first_sequence):
            assert returned.return_trace_number is not None, "a return that is dishonored has one"
            assert returned.dishonored_as is not None
            [debit] = debits_of([instruction]).entries
            back = return_of(
                replace(debit, trace_number=returned.original_trace_number),
                code=returned.code,
                to_routing_number=sender.bank_routing_number,
                trace_number=returned.return_trace_number,
            )
            yield dishonored(
                back,
                code=returned.dishonored_as,
                settled_on=returned_on(returned),
                to_routing_number=debit.routing_number,
                trace_number=trace_number(debit.trace_number[:BANK_DIGITS], sequence),
            )

    return Batch(header=debits_of(()).header, entries=entries())


def returned_on(returned: AchReturn) -> date:
    """Return the date on which a return settled: that with its day of the year which is nearest to when it was read.

    When nobody was there to read it, the bank was not late.
    """
    heard_on = eastern(returned.received_at_us).date()
    if returned.settlement_day is None:
        return heard_on
    days = (date(heard_on.year + n, 1, 1) + timedelta(days=returned.settlement_day - 1) for n in (-1, 0, 1))
    return min(days, key=lambda day: abs(day - heard_on))
