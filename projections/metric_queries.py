"""Figures of a tenant, read from the sums that the projector keeps: milliseconds, however many payments there are."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from projections.connections import Connections
from projections.metric_rows import (
    FailureRow,
    FreshnessRow,
    InFlightRow,
    SettleTimeRow,
    VolumeRow,
    failure_row,
    freshness_row,
    in_flight_row,
    settle_time_row,
    volume_row,
)
from projections.named_sql import statement

FAILURES_MAX = 12  # The commonest reasons: a page has no room for more, and the view daily_failures has all.


class Bucket(StrEnum):
    """How long the periods are that volume is summed by: days (UTC), weeks from Monday on, or months."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class MetricQueries:
    """Sums over one tenant's payments. `first` and `last` are days (UTC) that both count.

    Every method raises ViewsUnavailable within the connections' time-out when there is no answer.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def volume(
        self, tenant_id: str, currency: str, *, bucket: Bucket, first: date, last: date
    ) -> list[VolumeRow]:
        """Return the payments asked for in these days, by period, rail and present status; none is in two rows."""
        rows = await self._connections.fetch(
            statement("sum_volume"),
            {"tenant_id": tenant_id, "currency": currency, "bucket": bucket.value, "first": first, "last": last},
        )
        return [volume_row(row) for row in rows]

    async def in_flight(self, tenant_id: str, currency: str) -> list[InFlightRow]:
        """Return the payments that have not ended, whenever they were asked for."""
        rows = await self._connections.fetch(statement("sum_in_flight"), {"tenant_id": tenant_id, "currency": currency})
        return [in_flight_row(row) for row in rows]

    async def failures(self, tenant_id: str, currency: str, *, first: date, last: date) -> list[FailureRow]:
        """Return why payments failed or came back in these days, the commonest reason first."""
        rows = await self._connections.fetch(
            statement("sum_failures"),
            {"tenant_id": tenant_id, "currency": currency, "first": first, "last": last, "limit": FAILURES_MAX},
        )
        return [failure_row(row) for row in rows]

    async def settle_times(self, tenant_id: str, *, first: date, last: date) -> list[SettleTimeRow]:
        """Return how long payments took that completed in the months of these days, newest month first."""
        rows = await self._connections.fetch(
            statement("list_settle_times"),
            {"tenant_id": tenant_id, "first_month": first.replace(day=1), "last": last},
        )
        return [settle_time_row(row) for row in rows]

    async def freshness(self) -> list[FreshnessRow]:
        """Return how far the views are behind each topic; the topics carry the records of all tenants."""
        return [freshness_row(row) for row in await self._connections.fetch(statement("list_freshness"))]
