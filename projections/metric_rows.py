"""What the sums say of a tenant's payments and of the views themselves: the rows that a dashboard is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from payments.payment import Status
from projections.connections import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRow:
    """Payments of a rail that were asked for in the period that begins on `period` and are in `status` now (cents)."""

    period: date
    payment_rail_type: str
    status: Status
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightRow:
    """Payments of a rail that have not ended (cents); the oldest was asked for on `oldest_day` (UTC)."""

    payment_rail_type: str
    status: Status
    count: int
    amount_minor: int
    oldest_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """Payments that failed or were returned for one reason (cents); `failure_code` is the rail's or ours."""

    event_type: str
    failure_code: str | None
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleTimeRow:
    """How long payments of a rail took that completed in the month that begins on `month`: seconds, within 0.8 %."""

    month: date
    payment_rail_type: str
    count: int
    p50_s: Decimal
    p95_s: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessRow:
    """How far the views are behind a topic: offsets not projected, and the age of what is (None: nothing yet)."""

    topic: str
    lag: int
    behind_s: Decimal | None


def volume_row(row: Row) -> VolumeRow:
    """Return a row of sum_volume."""
    period, rail, status, count, amount_minor = row
    return VolumeRow(
        period=period, payment_rail_type=rail, status=Status(status), count=count, amount_minor=amount_minor
    )


def in_flight_row(row: Row) -> InFlightRow:
    """Return a row of sum_in_flight."""
    rail, status, count, amount_minor, oldest_day = row
    return InFlightRow(
        payment_rail_type=rail, status=Status(status), count=count, amount_minor=amount_minor, oldest_day=oldest_day
    )


def failure_row(row: Row) -> FailureRow:
    """Return a row of sum_failures."""
    event_type, failure_code, count, amount_minor = row
    return FailureRow(event_type=event_type, failure_code=failure_code, count=count, amount_minor=amount_minor)


def settle_time_row(row: Row) -> SettleTimeRow:
    """Return a row of list_settle_times."""
    month, rail, count, p50_s, p95_s = row
    return SettleTimeRow(month=month, payment_rail_type=rail, count=count, p50_s=p50_s, p95_s=p95_s)


def freshness_row(row: Row) -> FreshnessRow:
    """Return a row of list_freshness."""
    topic, lag, behind_s = row
    return FreshnessRow(topic=topic, lag=lag, behind_s=behind_s)
