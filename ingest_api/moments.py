"""Times as callers write them."""

from __future__ import annotations

from datetime import UTC, datetime

from payments.fields import time_faults

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = 1_000_000


def moment_us(text: str) -> int:
    """Return an ISO 8601 date or date and time (UTC unless it says otherwise) as microseconds since the epoch.

    Raises ValueError with what it must be.
    """
    try:
        # A bare plus sign in a query string means a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise ValueError("must be a date or a time such as 2026-03-01T12:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    at_us = (since.days * 86_400 + since.seconds) * _MICROSECOND + since.microseconds
    if time_faults("at", at_us):
        # The calendar's own ends can be shifted by no time zone, and nothing of ours lies there.
        raise ValueError("must lie in 2000 to 2199")
    return at_us
