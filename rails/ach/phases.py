"""How far a payment has come by ACH, and what each of its entries' fates does to it; what the table lacks is no move.

A payment is a debit of the payer, then a credit of the payee, each an entry of one file. Before the debit, a prenote
may try the account. A debit that came back for want of money may be presented again, by an entry of its own. A credit
that comes back is followed by an entry which gives the payer the money back. Returns may come at any time behind the
file.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from rails.bank import Result


class Leg(StrEnum):
    """What an entry is to its payment."""

    PRENOTE = "prenote"  # Of nothing, to the payer's account: whether it may be debited.
    DEBIT = "debit"  # Of the payer.
    RETRY = "retry"  # The debit once more; there may be two.
    CREDIT = "credit"  # Of the payee.
    GIVE_BACK = "give_back"  # A credit of the payer, when the payee's came back.
    DISHONOR = "dishonor"  # Of the debit's return, which came too late: the debit stands.


class Part(NamedTuple):
    """The entries of a file that stand in one batch: refunds are named so, and debit and credit other sides."""

    leg: Leg
    is_refund: bool


PARTS = tuple(Part(leg, is_refund) for leg in Leg for is_refund in (False, True))  # In the order in a file.

DEBIT_LEGS = frozenset({Leg.DEBIT, Leg.RETRY})


class Fate(StrEnum):
    """What happens to an entry."""

    FILED = "filed"
    SETTLED = "settled"
    RETURNED = "returned"
    POSTPONED = "postponed"  # Returned, and to be presented again.
    DISPUTED = "disputed"  # Returned, and the return is to be dishonored.


class Phase(StrEnum):
    """Where a payment stands. Those whose names end in `waits` have an entry that is in no file yet."""

    PRENOTE_WAITS = "prenote_waits"
    PRENOTE_FILED = "prenote_filed"
    DEBIT_WAITS = "debit_waits"  # After a prenote, for the days that the rules give.
    DEBIT_FILED = "debit_filed"
    RETRY_WAITS = "retry_waits"  # The debit came back, and is to be presented again.
    CREDIT_WAITS = "credit_waits"  # The debit settled: its money may be passed on.
    CREDIT_FILED = "credit_filed"
    COMPLETED = "completed"
    FAILED = "failed"  # The debit, or its prenote, came back before anything was passed on.
    UNCOVERED = "uncovered"  # The debit came back while the credit was under way.
    DISHONOR_WAITS = "dishonor_waits"  # It came back too late, when the credit had arrived: the return is dishonored.
    DISHONOR_FILED = "dishonor_filed"
    RETURNED = "returned"  # The debit came back after the credit had arrived: the money is missing.
    GIVE_BACK_WAITS = "give_back_waits"  # The credit came back.
    GIVE_BACK_FILED = "give_back_filed"
    GIVEN_BACK = "given_back"
    EVEN = "even"  # All that moved came back.
    # For people to settle:
    HELD = "held"  # The money could neither be passed on nor given back.
    GIVEN_TWICE = "given_twice"  # The payer was given back what its bank had taken back as well.


class Told(NamedTuple):
    """An outcome of the payment: the gateway hears `result`, which is about the latest entry of `leg`."""

    result: Result
    leg: Leg


class Move(NamedTuple):
    """Where a payment goes, and what the gateway is told, in this order."""

    to: Phase
    tells: tuple[Told, ...] = ()


# The entry that waits, by phase.
WAITING = {
    Phase.PRENOTE_WAITS: Leg.PRENOTE,
    Phase.DEBIT_WAITS: Leg.DEBIT,
    Phase.RETRY_WAITS: Leg.RETRY,
    Phase.CREDIT_WAITS: Leg.CREDIT,
    Phase.GIVE_BACK_WAITS: Leg.GIVE_BACK,
    Phase.DISHONOR_WAITS: Leg.DISHONOR,
}
# What waits in these goes into no file before a time that is on the log.
HELD_BACK = frozenset({Phase.DEBIT_WAITS, Phase.RETRY_WAITS})
FOR_PEOPLE = frozenset({Phase.HELD, Phase.GIVEN_TWICE})

_ARRIVED = Told(Result.SETTLED, Leg.CREDIT)
# Where a payment may stand whose debit stands because its return was dishonored.
AFTER_DISHONOR = frozenset(
    {
        Phase.COMPLETED,
        Phase.GIVE_BACK_WAITS,
        Phase.GIVE_BACK_FILED,
        Phase.GIVEN_BACK,
        Phase.HELD,
    }
)

_PRENOTE_RETURNED = Told(Result.RETURNED, Leg.PRENOTE)
_DEBIT_RETURNED = Told(Result.RETURNED, Leg.DEBIT)
_CREDIT_RETURNED = Told(Result.RETURNED, Leg.CREDIT)

MOVES: dict[tuple[Phase, Leg, Fate], Move] = {
    (Phase.PRENOTE_WAITS, Leg.PRENOTE, Fate.FILED): Move(Phase.PRENOTE_FILED),
    (Phase.PRENOTE_FILED, Leg.PRENOTE, Fate.SETTLED): Move(Phase.DEBIT_WAITS),
    # Or a notification of change came: until that is made, the account may not be debited.
    (Phase.PRENOTE_FILED, Leg.PRENOTE, Fate.RETURNED): Move(Phase.FAILED, (_PRENOTE_RETURNED,)),
    (Phase.DEBIT_WAITS, Leg.PRENOTE, Fate.RETURNED): Move(Phase.FAILED, (_PRENOTE_RETURNED,)),
    (Phase.DEBIT_WAITS, Leg.DEBIT, Fate.FILED): Move(Phase.DEBIT_FILED),
    (Phase.DEBIT_FILED, Leg.DEBIT, Fate.SETTLED): Move(Phase.CREDIT_WAITS),
    (Phase.DEBIT_FILED, Leg.DEBIT, Fate.RETURNED): Move(Phase.FAILED, (_DEBIT_RETURNED,)),
    (Phase.CREDIT_WAITS, Leg.DEBIT, Fate.RETURNED): Move(Phase.FAILED, (_DEBIT_RETURNED,)),
    # Nothing is told: a payment that failed could not be completed any more.
    (Phase.DEBIT_FILED, Leg.DEBIT, Fate.POSTPONED): Move(Phase.RETRY_WAITS),
    (Phase.CREDIT_WAITS, Leg.DEBIT, Fate.POSTPONED): Move(Phase.RETRY_WAITS),
    (Phase.RETRY_WAITS, Leg.RETRY, Fate.FILED): Move(Phase.DEBIT_FILED),
    (Phase.CREDIT_WAITS, Leg.CREDIT, Fate.FILED): Move(Phase.CREDIT_FILED),
    (Phase.CREDIT_FILED, Leg.CREDIT, Fate.SETTLED): Move(Phase.COMPLETED, (_ARRIVED,)),
    (Phase.COMPLETED, Leg.DEBIT, Fate.RETURNED): Move(Phase.RETURNED, (_DEBIT_RETURNED,)),
    # Nothing is told: the rules are with us, and the bank has 2 banking days to say that they are not.
    (Phase.COMPLETED, Leg.DEBIT, Fate.DISPUTED): Move(Phase.DISHONOR_WAITS),
    (Phase.DISHONOR_WAITS, Leg.DISHONOR, Fate.FILED): Move(Phase.DISHONOR_FILED),
    (Phase.DISHONOR_FILED, Leg.DISHONOR, Fate.SETTLED): Move(Phase.COMPLETED),
    (Phase.DISHONOR_FILED, Leg.DISHONOR, Fate.RETURNED): Move(Phase.RETURNED, (_DEBIT_RETURNED,)),
    # Both have come back: there is nothing to dishonor any more.
    (Phase.DISHONOR_WAITS, Leg.CREDIT, Fate.RETURNED): Move(Phase.EVEN, (_CREDIT_RETURNED,)),
    (Phase.DISHONOR_FILED, Leg.CREDIT, Fate.RETURNED): Move(Phase.GIVE_BACK_WAITS, (_CREDIT_RETURNED,)),
    # Told only when the credit's fate is known: a payment that failed would hide that money left.
    (Phase.CREDIT_FILED, Leg.DEBIT, Fate.RETURNED): Move(Phase.UNCOVERED),
    (Phase.UNCOVERED, Leg.CREDIT, Fate.SETTLED): Move(Phase.RETURNED, (_ARRIVED, _DEBIT_RETURNED)),
    (Phase.UNCOVERED, Leg.CREDIT, Fate.RETURNED): Move(Phase.EVEN, (_CREDIT_RETURNED,)),
    (Phase.RETURNED, Leg.CREDIT, Fate.RETURNED): Move(Phase.EVEN),
    (Phase.CREDIT_FILED, Leg.CREDIT, Fate.RETURNED): Move(Phase.GIVE_BACK_WAITS, (_CREDIT_RETURNED,)),
    (Phase.COMPLETED, Leg.CREDIT, Fate.RETURNED): Move(Phase.GIVE_BACK_WAITS, (_CREDIT_RETURNED,)),
    # The payer's bank has given it back itself.
    (Phase.GIVE_BACK_WAITS, Leg.DEBIT, Fate.RETURNED): Move(Phase.EVEN),
    (Phase.GIVE_BACK_WAITS, Leg.GIVE_BACK, Fate.FILED): Move(Phase.GIVE_BACK_FILED),
    (Phase.GIVE_BACK_FILED, Leg.GIVE_BACK, Fate.SETTLED): Move(Phase.GIVEN_BACK),
    (Phase.GIVE_BACK_FILED, Leg.GIVE_BACK, Fate.RETURNED): Move(Phase.HELD),
    (Phase.GIVEN_BACK, Leg.GIVE_BACK, Fate.RETURNED): Move(Phase.HELD),
    (Phase.HELD, Leg.DEBIT, Fate.RETURNED): Move(Phase.EVEN),
    (Phase.GIVE_BACK_FILED, Leg.DEBIT, Fate.RETURNED): Move(Phase.GIVEN_TWICE),
    (Phase.GIVEN_BACK, Leg.DEBIT, Fate.RETURNED): Move(Phase.GIVEN_TWICE),
    (Phase.GIVEN_TWICE, Leg.GIVE_BACK, Fate.RETURNED): Move(Phase.EVEN),
}
# Where a notification of change of the entry does what its return would.
CORRECTED_FAILS = frozenset((phase, leg) for phase, leg, fate in MOVES if leg is Leg.PRENOTE and fate is Fate.RETURNED)
# Once it is in a file, a retry fares as the debit that it repeats.
MOVES |= {
    (phase, Leg.RETRY, fate): move
    for (phase, leg, fate), move in MOVES.items()
    if leg is Leg.DEBIT and fate is not Fate.FILED
}
# A dishonored return puts the debit in force again. It comes back by being contested, as the debit would: once.
MOVES |= {
    (phase, Leg.DISHONOR, fate): move
    for (phase, leg, fate), move in MOVES.items()
    if leg is Leg.DEBIT and fate is Fate.RETURNED and phase in AFTER_DISHONOR
}
