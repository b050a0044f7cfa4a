"""Which payment a booking names: by our reference, by its trace number, or by the bank's own reference; never by less.

An amount and a day are no name: two tenants of a house pay the same rent on the same day. They only suggest one.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import NamedTuple, Protocol

from reconciliation.bookings import Booking
from reconciliation.known_payment import KnownPayment
from schemas.reconciliation import MatchedBy

_UUID = r"(?P<id>[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})"
# A statement has 35 characters for it: the id stands without its hyphens there.
_REFERENCE = re.compile(_UUID + r"(?::(?P<attempt>[1-9][0-9]{0,2}))?", re.ASCII | re.IGNORECASE)
# A bank's own names come round again: trace numbers have seven digits to count with, others begin anew each day. They
# name what moved, by our books, so long before the booking: a payment settles within some banking days of its claim,
# and an unauthorised one comes back within 60 days (Nacha).
SETTLES_IN = timedelta(days=14)
COMES_BACK_IN = timedelta(days=90)
# A bank may date by another place's day.
DATED_AHEAD = timedelta(days=1)


class Named(NamedTuple):
    """The payment that a booking names, by what, and at which attempt if that is told. `why_not` says why none is."""

    known: KnownPayment | None
    by: MatchedBy | None = None
    attempt: int | None = None
    why_not: str = ""


class Names(Protocol):
    """Finds payments, among those that may be compared."""

    def payment(self, payment_id: str) -> KnownPayment | None: ...

    def by_bank_reference(self, bank_reference: str, days: tuple[date, date]) -> KnownPayment | None:
        """Return the one payment with this bank reference whose money moved from the first to the last of these days;
        None when there is none, or several."""
        ...


def payment_id_of(end_to_end_id: str) -> tuple[str, int | None] | None:
    """Return the payment's id and attempt that a reference of ours names, or None when it is none of ours."""
    match = _REFERENCE.fullmatch(end_to_end_id)
    if match is None:
        return None
    digits = match["id"].replace("-", "").lower()
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(parts), None if match["attempt"] is None else int(match["attempt"])


def named_by(booking: Booking, names: Names) -> Named:
    """Return the payment that the booking names. Two names of two payments name none."""
    found: list[Named] = []
    why_not = "it names no payment"
    if booking.end_to_end_id is not None:
        ours = payment_id_of(booking.end_to_end_id)
        known = None if ours is None else names.payment(ours[0])
        if ours is not None and known is None:
            return Named(None, why_not="no payment has this reference")
        if ours is not None:
            found.append(Named(known, MatchedBy.END_TO_END_ID, ours[1]))
        else:
            why_not = "its reference is not one of ours"
    for by, text in ((MatchedBy.TRACE_NUMBER, booking.trace_number), (MatchedBy.REFERENCE, booking.reference)):
        known = None if text is None else names.by_bank_reference(text, _days_before(booking))
        if known is not None:
            found.append(Named(known, by))
    if len({each.known.payment_id for each in found if each.known is not None}) > 1:
        return Named(None, why_not="its references name different payments")
    return found[0] if found else Named(None, why_not=why_not)


def _days_before(booking: Booking) -> tuple[date, date]:
    """Return the days on which the money of a payment moved that a booking has the bank's name of."""
    longest = COMES_BACK_IN if booking.is_return else SETTLES_IN
    return booking.day - longest, booking.day + DATED_AHEAD
