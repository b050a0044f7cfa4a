"""Failures and returns counted by the day on which they happened, the code, and how long after completion."""

from __future__ import annotations

from collections.abc import Iterator

from payments.payment import EventType, Status
from projections.rollup import Line, day_of
from projections.views.payments import Snapshot

COLUMNS = (
    "tenant_id", "day", "payment_rail_type", "event_type", "failure_code", "days_after_completion", "currency",
    "partition",
)  # fmt: skip
# Where a payment is that failed or was returned: nothing leads on from there.
STATUSES = frozenset({Status.FAILED, Status.RETURNED})
NEVER_COMPLETED = -1  # Part of a primary key, where NULL cannot be.


def lines(snapshot: Snapshot, *, after_sequence: int) -> Iterator[Line]:
    """Yield what the transitions after `after_sequence` add: count and cents."""
    payment = snapshot.payment
    head = payment.head
    for transition in payment.transitions[after_sequence:]:
        if transition.event_type not in (EventType.FAILED, EventType.RETURNED):
            continue
        day, days_after_completion = day_of(transition.occurred_at_us), NEVER_COMPLETED
        if transition.event_type is EventType.RETURNED:
            assert payment.completed_at_us is not None, "what was never completed is not returned"
            days_after_completion = (day - day_of(payment.completed_at_us)).days
        key = (
            head.tenant_id, day, head.payment_rail_type.value, transition.event_type.value,
            transition.changes.get("failure_code", ""), days_after_completion, head.currency, snapshot.partition,
        )  # fmt: skip
        yield key, 1, head.amount_minor
