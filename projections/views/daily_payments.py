"""Payments counted by the day on which they were asked for and the status in which they are."""

from __future__ import annotations

from collections.abc import Iterator

from payments.payment import Status
from projections.rollup import Line, day_of
from projections.views.payments import Snapshot

COLUMNS = ("tenant_id", "day", "payment_rail_type", "status", "currency", "partition")
STATUSES = frozenset(Status)


def lines(snapshot: Snapshot, *, after_sequence: int) -> Iterator[Line]:
    """Yield what the transitions after `after_sequence` add: count and cents. What leaves a status is subtracted."""
    head = snapshot.payment.head
    day, rail = day_of(head.initiated_at_us), str(head.payment_rail_type)
    transitions = snapshot.payment.transitions
    # Every status that was passed through has a row, also when one batch brings a payment through several: the same
    # rows whatever the split.
    for transition in transitions[after_sequence:]:
        left, entered = transition.previous_status, transition.new_status
        if left is entered:
            continue
        yield (head.tenant_id, day, rail, str(entered), head.currency, snapshot.partition), 1, head.amount_minor
        if left is not None:
            yield (head.tenant_id, day, rail, str(left), head.currency, snapshot.partition), -1, -head.amount_minor
