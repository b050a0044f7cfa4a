"""Why a person has to look at what came back: judged by the entry that it names, and where its payment stands."""

from __future__ import annotations

import sqlite3

from payments.windows import eastern
from rails.ach.dishonored_returns import returned_on
from rails.ach.phases import MOVES, Fate, Leg, Phase
from rails.nacha.return_codes import CONTESTED_REASONS, RETURN_REASONS, is_untimely, last_contest_day
from schemas.origination import AchReturn

# It could not be acted on. docs/ach.md says what to do.
UNKNOWN_TRACE = "unknown_trace"
OTHER_AMOUNT = "other_amount"
DISPUTED = "disputed"
RETURNED_TWICE = "returned_twice"
FOR_A_PERSON = "for_a_person"
# It was acted on: the money is gone. But it came too late, which the bank may refuse.
UNTIMELY = "untimely"


def named_entry(returned: AchReturn) -> str:
    """Return the trace number of our entry that comes back: of a dishonored return that is contested, its own."""
    return returned.dishonored_trace_number or returned.original_trace_number


def fate_of(returned: AchReturn, entry: sqlite3.Row) -> Fate:
    """Return what a return does to its entry."""
    if returned.present_again_at_us is not None:
        return Fate.POSTPONED
    # The credit may have come back before it, in the same file: then there is nothing to dishonor any more.
    is_disputed = (Phase(entry["phase"]), Leg(entry["leg"]), Fate.DISPUTED) in MOVES
    return Fate.DISPUTED if is_disputed and returned.dishonored_as is not None else Fate.RETURNED


def problem_of(returned: AchReturn, entry: sqlite3.Row | None) -> str | None:
    """Return why a return of an entry (None: there is none) cannot be acted on, or None."""
    if entry is None:
        return UNKNOWN_TRACE
    leg, is_contest = Leg(entry["leg"]), returned.code in CONTESTED_REASONS
    if is_contest is not (leg is Leg.DISHONOR) or not (is_contest or returned.code in RETURN_REASONS):
        return DISPUTED
    if returned.amount_minor != (0 if leg is Leg.PRENOTE else entry["amount_minor"]):
        return OTHER_AMOUNT
    if entry["returned_code"] is not None:
        return RETURNED_TWICE
    if (Phase(entry["phase"]), leg, fate_of(returned, entry)) not in MOVES:
        assert leg is Leg.PRENOTE, "what moves money may always come back"
        # The account was debited since.
        return lateness_of(returned, entry) or FOR_A_PERSON
    return None


def lateness_of(returned: AchReturn, entry: sqlite3.Row) -> str | None:
    """Tell whether a return came after its last day."""
    settles_at_us = entry["settles_at_us"]
    if settles_at_us is None:
        return None
    settled_on, back_on = eastern(settles_at_us).date(), returned_on(returned)
    if returned.code in CONTESTED_REASONS:
        return UNTIMELY if back_on > last_contest_day(settled_on) else None
    return UNTIMELY if is_untimely(returned.code, settled_on=settled_on, heard_on=back_on) else None
