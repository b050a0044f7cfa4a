"""What a booking is, given the payment that it names: a table of what our books may say, and one amount to compare.

Only what can mean nothing else is repaired: money that arrived for a payment that waits for it, and money that came
back, with the bank's reason, from a payment that is completed. Everything else is for a person.
"""

from __future__ import annotations

from typing import NamedTuple

from payments.commands import CODE_CHARACTERS_MAX, REASON_CHARACTERS_MAX, RailReport, Report
from payments.money import format_amount
from payments.payment import Status
from reconciliation.bookings import Booking
from reconciliation.known_payment import KnownPayment
from reconciliation.legs import Leg, ledger_legs, signed_minor
from reconciliation.naming import Named
from schemas.reconciliation import Movement, Side, Verdict


class Booked(NamedTuple):
    """What is booked of the payment already: whether this very leg, and whether earlier bookings had reports made of
    its arrival and of this movement."""

    this_leg: bool
    is_arrival_reported: bool
    is_reported: bool


class Judgement(NamedTuple):
    """What the booking is, and why; `expected_minor` is what our books have of it, `report` what a repair tells."""

    verdict: Verdict
    detail: str
    expected_minor: int | None = None
    report: Report | None = None


# By where the payment stands and which money the bank says has moved; what is absent is for a person.
REPAIRS: dict[tuple[Status, Side, Movement], Report] = {
    (Status.PROCESSING, Side.PAYEE, Movement.SETTLED): Report.SETTLED,
    **{
        (status, side, Movement.RETURNED): Report.RETURNED
        for status in (Status.COMPLETED, Status.REFUNDED)
        for side in Side
    },
}


def judge(booking: Booking, named: Named, leg: Leg, booked: Booked) -> Judgement:
    """Return what the booking, which is of `leg` of the payment that it names, if any, is."""
    known = named.known
    if known is None:
        return Judgement(Verdict.UNMATCHED_AT_BANK, named.why_not)
    if booking.currency != known.currency:
        return Judgement(Verdict.UNMATCHED_AT_BANK, f"the payment is in {known.currency}")
    expected_minor = signed_minor(known.amount_minor, leg)
    if known.attempt and named.attempt not in (None, known.attempt):
        # A report of an attempt that nobody made would be heard beside the bank's own word, and pay it twice.
        why = f"it is of attempt {named.attempt}, and the payment is at attempt {known.attempt}"
        return Judgement(Verdict.UNMATCHED_AT_BANK, why, expected_minor)
    if booked.this_leg:
        return Judgement(Verdict.DUPLICATE, "the same is booked already", expected_minor)
    report = _report(booking, known, leg, booked)
    if report is None and not _is_on_our_books(known, leg) and not booked.is_reported:
        return Judgement(Verdict.UNMATCHED_AT_BANK, _why_not(booking, known, leg), expected_minor)
    if booking.amount_minor != expected_minor:
        told, ours = format_amount(abs(booking.amount_minor)), format_amount(known.amount_minor)
        return Judgement(Verdict.MISMATCHED, f"{told} was booked for a payment of {ours}", expected_minor)
    if report is None or booked.is_reported:
        return Judgement(Verdict.MATCHED, "", expected_minor)
    return Judgement(Verdict.REPAIRED, f"the payment was {known.status.value}", expected_minor, report)


def report_of(judgement: Judgement, booking: Booking, named: Named, *, occurred_at_us: int) -> RailReport:
    """Return what a repair tells the log: its id is that of the bank's own word, so whichever comes later is not heard.

    A statement has days: `occurred_at_us` is the end of the day of the booking, or now.
    """
    known, report = named.known, judgement.report
    assert known is not None
    assert report is not None
    is_return = report is Report.RETURNED
    return RailReport(
        tenant_id=known.tenant_id,
        idempotency_key=known.idempotency_key,
        attempt=known.attempt,
        report=report,
        occurred_at_us=occurred_at_us,
        amount_minor=abs(booking.amount_minor),
        code=(booking.return_reason or "")[:CODE_CHARACTERS_MAX] if is_return else None,
        reason="found in a bank statement" if is_return else None,
        bank_reference=None if booking.reference is None else booking.reference[:REASON_CHARACTERS_MAX],
    )


def _report(booking: Booking, known: KnownPayment, leg: Leg, booked: Booked) -> Report | None:
    """Return what the booking says that we do not know, where that can mean nothing else."""
    report = REPAIRS.get((known.status, leg.side, leg.movement))
    if leg.movement is Movement.SETTLED:
        return report
    if known.status is Status.PROCESSING and booked.is_arrival_reported:
        # It has arrived by an earlier booking, of which the payment has not heard yet.
        report = Report.RETURNED
    # Without a reason it may be a mistake that the bank undoes.
    return report if booking.return_reason else None


def _is_on_our_books(known: KnownPayment, leg: Leg) -> bool:
    return any(each.leg == leg for each in ledger_legs(known, is_own=leg.is_own))


def _why_not(booking: Booking, known: KnownPayment, leg: Leg) -> str:
    if leg.movement is Movement.RETURNED and not booking.return_reason and known.settled_day is not None:
        return "it came back without a reason"
    came = "came back" if leg.movement is Movement.RETURNED else f"moved on the {leg.side.value}'s side"
    return f"money {came}, and the payment is {known.status.value}"
