"""Times as the log has them and as Postgres has them: both count whole microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def us_of(at: datetime) -> int:
    """Return a time of Postgres in microseconds since the epoch."""
    return (at - _EPOCH) // _MICROSECOND


def moment(at_us: int) -> datetime:
    """Return microseconds since the epoch as a time for Postgres."""
    return _EPOCH + at_us * _MICROSECOND
