"""The rows of a payment's history, a row a transition."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from projections.views.payments import Snapshot

TIMES = (6,)


def rows(snapshot: Snapshot, *, after_sequence: int) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the transitions after the one with `after_sequence` (0: of all)."""
    tenant_id = snapshot.payment.head.tenant_id
    for transition in snapshot.payment.transitions[after_sequence:]:
        previous = transition.previous_status
        yield (
            snapshot.payment_id,
            transition.sequence,
            tenant_id,
            str(transition.event_type),
            str(previous) if previous is not None else None,
            str(transition.new_status),
            transition.occurred_at_us,
            transition.caused_by,
            msgspec.json.encode(transition.changes).decode() if transition.changes else "{}",
            transition.hash,
        )
