"""The rows of payments that are pending or processing: what is asked of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from payments.payment import Status
from projections.views.payments import Snapshot

COLUMNS = (
    "payment_id", "tenant_id", "status", "payment_rail_type", "currency", "amount_minor", "initiated_at_us",
    "expected_settlement_at_us",
)  # fmt: skip
STEP_COLUMNS = ("payment_id", "status")
ENDED_COLUMNS = ("payment_id",)
_OPEN = (Status.PENDING, Status.PROCESSING)


def rows(snapshots: Iterable[Snapshot]) -> Iterator[tuple[object, ...]]:
    """Yield a row for each of these payments that has not ended."""
    for snapshot in snapshots:
        payment, head = snapshot.payment, snapshot.payment.head
        if payment.status in _OPEN:
            yield (
                snapshot.payment_id,
                head.tenant_id,
                str(payment.status),
                str(head.payment_rail_type),
                head.currency,
                head.amount_minor,
                head.initiated_at_us,
                head.expected_settlement_at_us,
            )


def steps(snapshots: Iterable[Snapshot]) -> Iterator[tuple[object, ...]]:
    """Yield what changes in the row of each of these payments that has not ended: STEP_COLUMNS."""
    for snapshot in snapshots:
        if snapshot.payment.status in _OPEN:
            yield snapshot.payment_id, str(snapshot.payment.status)


def ended(snapshots: Iterable[Snapshot]) -> Iterator[tuple[object, ...]]:
    """Yield ENDED_COLUMNS for each of these payments whose row goes."""
    for snapshot in snapshots:
        if snapshot.payment.status not in _OPEN:
            yield (snapshot.payment_id,)
