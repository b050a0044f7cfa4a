"""The figures of a tenant as one answer: volume by period, failure rates, times to settle, money in flight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from payments.money import format_amount
from payments.payment import Status
from projections.queries import (
    Bucket,
    FailureRow,
    FreshnessRow,
    InFlightRow,
    MetricQueries,
    SettleTimeRow,
    VolumeRow,
)

CURRENCY = "USD"  # The only one that payments have; another one gets sums of its own, never added to these.
_FAILED = frozenset({Status.FAILED, Status.RETURNED})
# Cancelled payments ended because somebody wanted it: they are no measure of how rails do.
_ENDED = _FAILED | {Status.COMPLETED, Status.REFUNDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose figures of which periods: `starts` are their first days, oldest first, `last` is the last day (today)."""

    tenant_id: str
    bucket: Bucket
    starts: tuple[date, ...]
    last: date


async def summary(queries: MetricQueries, asked: Asked) -> dict[str, Any]:
    """Return the answer. Its parts are read one after the other: each is of its own moment, milliseconds apart."""
    days = {"first": asked.starts[0], "last": asked.last}
    volume = await queries.volume(asked.tenant_id, CURRENCY, bucket=asked.bucket, **days)
    failures = await queries.failures(asked.tenant_id, CURRENCY, **days)
    settle_times = await queries.settle_times(asked.tenant_id, **days)
    in_flight = await queries.in_flight(asked.tenant_id, CURRENCY)
    return {
        "tenant_id": asked.tenant_id,
        "currency": CURRENCY,
        "bucket": asked.bucket.value,
        "periods": [start.isoformat() for start in asked.starts],
        "to": asked.last.isoformat(),
        "volume": _volume(volume, asked.starts),
        "failure_rate": _failure_rates(volume, asked.starts),
        "failures": [_failure(row) for row in failures],
        "time_to_settle": [_settle_time(row) for row in settle_times],
        "in_flight": [_in_flight(row) for row in in_flight],
    }


def freshness_body(row: FreshnessRow) -> dict[str, Any]:
    """Return how far the views are behind a topic."""
    behind_s = None if row.behind_s is None else round(max(float(row.behind_s), 0.0), 1)
    return {"topic": row.topic, "lag": row.lag, "behind_s": behind_s}


def _volume(rows: Sequence[VolumeRow], starts: Sequence[date]) -> list[dict[str, Any]]:
    """Return a series for each rail and status that has payments: a count and an amount for every period."""
    series: dict[tuple[str, Status], dict[date, VolumeRow]] = {}
    for row in rows:
        series.setdefault((row.payment_rail_type, row.status), {})[row.period] = row
    return [
        {
            "payment_rail_type": rail,
            "status": status.value,
            "counts": [by_period[start].count if start in by_period else 0 for start in starts],
            "amounts": [format_amount(by_period[start].amount_minor if start in by_period else 0) for start in starts],
        }
        for (rail, status), by_period in series.items()
    ]


def _failure_rates(rows: Sequence[VolumeRow], starts: Sequence[date]) -> dict[str, Any]:
    rails = sorted({row.payment_rail_type for row in rows})
    return {
        "overall": _failure_rate(rows),
        "by_period": [_failure_rate(row for row in rows if row.period == start) for start in starts],
        "by_rail": [
            {
                "payment_rail_type": rail,
                "failure_rate": _failure_rate(row for row in rows if row.payment_rail_type == rail),
            }
            for rail in rails
        ],
    }


def _failure_rate(rows: Iterable[VolumeRow]) -> float | None:
    """Return failed and returned payments as a part of all that ended, the cancelled ones aside; None: none has."""
    failed = ended = 0
    for row in rows:
        failed += row.count if row.status in _FAILED else 0
        ended += row.count if row.status in _ENDED else 0
    return round(failed / ended, 6) if ended else None


def _failure(row: FailureRow) -> dict[str, Any]:
    return {
        "event_type": row.event_type,
        "failure_code": row.failure_code,
        "count": row.count,
        "amount": format_amount(row.amount_minor),
    }


def _settle_time(row: SettleTimeRow) -> dict[str, Any]:
    return {
        "month": row.month.isoformat(),
        "payment_rail_type": row.payment_rail_type,
        "count": row.count,
        "p50_s": float(row.p50_s),
        "p95_s": float(row.p95_s),
    }


def _in_flight(row: InFlightRow) -> dict[str, Any]:
    return {
        "payment_rail_type": row.payment_rail_type,
        "status": row.status.value,
        "count": row.count,
        "amount": format_amount(row.amount_minor),
        "oldest_day": row.oldest_day.isoformat(),
    }
