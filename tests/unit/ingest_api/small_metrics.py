"""The figures that the API asks for, straight from what was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from payments.payment import Payment, Status
from projections.queries import (
    Bucket,
    FailureRow,
    FreshnessRow,
    InFlightRow,
    SettleTimeRow,
    ViewsUnavailable,
    VolumeRow,
)

OPEN = (Status.PENDING, Status.PROCESSING)


class SmallMetrics:
    """What the API needs of `MetricQueries`; `asked` counts the questions about volume."""

    def __init__(self, payments: Mapping[str, Payment], views_answer: Callable[[], bool]) -> None:
        self._payments = payments
        self._views_answer = views_answer
        self.asked = 0

    async def volume(
        self, tenant_id: str, currency: str, *, bucket: Bucket, first: date, last: date
    ) -> list[VolumeRow]:
        self.asked += 1
        found: dict[tuple[str, Status, date], tuple[int, int]] = {}
        for payment in self._of(tenant_id, currency):
            day = _day(payment.head.initiated_at_us)
            if first <= day <= last:
                key = (str(payment.head.payment_rail_type), payment.status, _begin(day, bucket))
                count, amount_minor = found.get(key, (0, 0))
                found[key] = (count + 1, amount_minor + payment.head.amount_minor)
        return [
            VolumeRow(period=period, payment_rail_type=rail, status=status, count=count, amount_minor=amount_minor)
            for (rail, status, period), (count, amount_minor) in sorted(found.items())
        ]

    async def in_flight(self, tenant_id: str, currency: str) -> list[InFlightRow]:
        return [
            InFlightRow(
                payment_rail_type=str(payment.head.payment_rail_type), status=payment.status, count=1,
                amount_minor=payment.head.amount_minor, oldest_day=_day(payment.head.initiated_at_us),
            )
            for payment in self._of(tenant_id, currency)
            if payment.status in OPEN
        ]  # fmt: skip

    async def failures(self, tenant_id: str, currency: str, *, first: date, last: date) -> list[FailureRow]:
        return [
            FailureRow(
                event_type="payment_failed", failure_code=payment.failure.code, count=1,
                amount_minor=payment.head.amount_minor,
            )
            for payment in self._of(tenant_id, currency)
            if payment.failure is not None and first <= _day(payment.updated_at_us) <= last
        ]  # fmt: skip

    async def settle_times(self, tenant_id: str, *, first: date, last: date) -> list[SettleTimeRow]:
        self._require_views()
        return [
            SettleTimeRow(
                month=_day(payment.completed_at_us).replace(day=1),
                payment_rail_type=str(payment.head.payment_rail_type), count=1, p50_s=Decimal("1.5"), p95_s=Decimal(2),
            )
            for payment in self._payments.values()
            if payment.head.tenant_id == tenant_id and payment.completed_at_us is not None
        ]  # fmt: skip

    async def freshness(self) -> list[FreshnessRow]:
        self._require_views()
        return [
            FreshnessRow(topic="directory-events", lag=0, behind_s=None),
            FreshnessRow(topic="payment-events", lag=3, behind_s=Decimal("0.4321")),
        ]

    def _of(self, tenant_id: str, currency: str) -> Iterator[Payment]:
        self._require_views()
        for payment in self._payments.values():
            if (payment.head.tenant_id, payment.head.currency) == (tenant_id, currency):
                yield payment

    def _require_views(self) -> None:
        if not self._views_answer():
            raise ViewsUnavailable("stopped")


def _day(at_us: int) -> date:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).date()


def _begin(day: date, bucket: Bucket) -> date:
    match bucket:
        case Bucket.DAY:
            return day
        case Bucket.WEEK:
            return day - timedelta(days=day.weekday())
        case Bucket.MONTH:
            return day.replace(day=1)
