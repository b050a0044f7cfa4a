"""The legs of a payment: the payer's and the payee's money, there and back. A bank books each once on an account.

On the payer's and the payee's own accounts a settled payment is a debit and a credit. On an account of ours, through
which payments pass, it is the other way round: what the payer pays comes in, what the payee is paid goes out.
"""

from __future__ import annotations

from typing import NamedTuple

from reconciliation.bookings import Booking
from reconciliation.known_payment import KnownPayment
from schemas.reconciliation import Movement, Side


class Leg(NamedTuple):
    """One leg; `is_own`: on an account of ours."""

    side: Side
    movement: Movement
    is_own: bool


class LedgerLeg(NamedTuple):
    """A leg that our ledger has: on which day, and how it changes the account, a credit positive."""

    leg: Leg
    day: str
    amount_minor: int


def leg_of(booking: Booking, *, is_own: bool) -> Leg:
    """Return which leg a booking is, of whatever payment."""
    is_credit = (booking.amount_minor > 0) is not is_own
    movement = Movement.RETURNED if booking.is_return else Movement.SETTLED
    side = Side.PAYEE if is_credit is (movement is Movement.SETTLED) else Side.PAYER
    return Leg(side, movement, is_own)


def signed_minor(amount_minor: int, leg: Leg) -> int:
    """Return how a payment's leg changes its account."""
    is_credit = (leg.side is Side.PAYEE) is (leg.movement is Movement.SETTLED)
    return amount_minor if is_credit is not leg.is_own else -amount_minor


def ledger_legs(known: KnownPayment, *, is_own: bool) -> tuple[LedgerLeg, ...]:
    """Return the legs that our ledger has of a payment, as `payments.ledger` posts them; the clearing is left out."""
    legs = []
    if known.claimed_day is not None:
        legs.append((Leg(Side.PAYER, Movement.SETTLED, is_own), known.claimed_day))
    if known.settled_day is not None:
        legs.append((Leg(Side.PAYEE, Movement.SETTLED, is_own), known.settled_day))
    if known.ended_day is not None:
        legs.append((Leg(Side.PAYER, Movement.RETURNED, is_own), known.ended_day))
        if known.settled_day is not None:
            legs.append((Leg(Side.PAYEE, Movement.RETURNED, is_own), known.ended_day))
    return tuple(LedgerLeg(leg, day, signed_minor(known.amount_minor, leg)) for leg, day in legs)


def ledger_account_id(known: KnownPayment, leg: Leg) -> str:
    """Return whose bank account the leg is of."""
    return known.payer_account_id if leg.side is Side.PAYER else known.payee_account_id
