"""A lease's terms, from the directory, and what was paid on it, from its payments."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from directory.changes import DirectoryRecord, State
from directory.entities import Lease
from payments.payment import EventType, Head, Status
from projections.rollup import day_of
from projections.views.payments import Snapshot

_HAS_COMPLETED = (Status.COMPLETED, Status.RETURNED, Status.REFUNDED)
# From its completion on, a payment can change what its lease was paid.
_MOVE_PAID = (EventType.COMPLETED, EventType.RETURNED, EventType.REFUNDED, EventType.REFUND_RETURNED)


class Stood(NamedTuple):
    """Where a payment's row stood before a batch moved it."""

    sequence: int = 0
    status: Status = Status.PENDING
    refunded_minor: int = 0


def paid(snapshot: Snapshot, before: Stood) -> tuple[tuple[str, str], int] | None:
    """Return the lease (tenant and id) and by how many cents more it is paid; None when nothing could have changed.

    A payment that completed and went back in one batch counts as a change by nothing: the row of its lease is there
    whatever the split into batches.
    """
    payment = snapshot.payment
    head = payment.head
    # A refund is a payment too, in the other direction; what it takes back shows in the payment that it refunds.
    if payment.status not in _HAS_COMPLETED or head.lease_id is None or head.refund_of is not None:
        return None
    if not any(step.event_type in _MOVE_PAID for step in payment.transitions[before.sequence :]):
        return None
    change = _kept(head, payment.status, payment.refunded_minor) - _kept(head, before.status, before.refunded_minor)
    return (head.tenant_id, head.lease_id), change


def terms(record: DirectoryRecord) -> dict[str, object]:
    """Return the columns of a lease's terms."""
    lease = record.entity
    assert isinstance(lease, Lease)
    due_until = lease.end_date
    if record.state is State.REVOKED:
        due_until = min(due_until or date.max, day_of(record.updated_at_us))
    return {
        "tenant_id": record.tenant_id,
        "lease_id": record.entity_id,
        "version": record.version,
        "property_id": lease.property_id,
        "renter_id": lease.renter_id,
        "rent_minor": lease.rent_amount_minor,
        "due_day": lease.due_day,
        "start_date": lease.start_date,
        "due_until": due_until,
    }


def _kept(head: Head, status: Status, refunded_minor: int) -> int:
    return head.amount_minor - refunded_minor if status in (Status.COMPLETED, Status.REFUNDED) else 0
