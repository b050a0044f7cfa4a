"""How long payments took to complete, by month and rail: counted with a bounded error, to read percentiles from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from payments.payment import EventType, Head, Status
from projections.rollup import DAY_US, Line, month_of
from projections.views.payments import Snapshot

COLUMNS = ("tenant_id", "month", "payment_rail_type", "settled_in_us", "partition")
# Where a payment is that has completed.
STATUSES = frozenset({Status.COMPLETED, Status.RETURNED, Status.REFUNDED})
# What is kept of a duration: 2^7 steps between a number and its double, the middle of each at most 0.8 % off.
BITS_KEPT = 7
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def lines(snapshot: Snapshot, *, after_sequence: int) -> Iterator[Line]:
    """Yield one count for a payment that completed after the transition with `after_sequence`."""
    payment = snapshot.payment
    head, completed = payment.head, EventType.COMPLETED
    for transition in payment.transitions[after_sequence:]:
        # Money that arrives a second time is not a settlement: `completed_at` is the first.
        if transition.event_type is completed:
            month, took_us = month_of(transition.occurred_at_us), settled_in_us(head, transition.occurred_at_us)
            key = (head.tenant_id, month, str(head.payment_rail_type), rounded(took_us), snapshot.partition)
            yield key, 1, 0


def settled_in_us(head: Head, completed_at_us: int) -> int:
    """Return how long a payment took from when it was asked for, or from its effective date when that is later."""
    begin_us = head.initiated_at_us
    if head.effective_date is not None:
        begin_us = max(begin_us, (date.fromisoformat(head.effective_date).toordinal() - _EPOCH_DAY) * DAY_US)
    return max(completed_at_us - begin_us, 0)


def rounded(us: int) -> int:
    """Return the middle of the step that a duration is in: the same for all that share their 7 highest bits."""
    shift = max(us.bit_length() - BITS_KEPT, 0)
    return (us >> shift << shift) + (1 << shift >> 1)
