"""Which deliveries a record of payment-events means: for each endpoint, the transitions that it was not told of yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from directory.register import Entry
from payments.payment import Payment, Transition

SECOND_US = 1_000_000
# An endpoint is told of what happens from its creation on; what one process dates before it may have come after it by
# the clock of another.
CLOCKS_DIFFER_US = 5 * SECOND_US
# A record that is older may be the newest of several, of which compaction left this one (7 days, see schemas.topics).
LATE_US = 6 * 24 * 3600 * SECOND_US


def new_transitions(payment: Payment, *, known: int | None, is_late: bool, taken_until_us: int) -> Sequence[Transition]:
    """Return the transitions after the last one that was taken (`known`, its sequence).

    Where that is not known, a record means its last transition; and if it `is_late`, so that compaction may have taken
    its predecessors, every one that did not happen before `taken_until_us`, when all was taken.
    """
    if known is not None:
        return payment.transitions[known:]
    if not is_late:
        return payment.transitions[-1:]
    earlier = [step for step in payment.transitions[:-1] if step.occurred_at_us >= taken_until_us]
    return [*earlier, payment.last]


def wanted(transitions: Iterable[Transition], entry: Entry) -> Iterator[Transition]:
    """Yield the transitions that the endpoint is to be told of, whether or not it is enabled just now."""
    if not entry.is_active or entry.endpoint is None:
        return
    for transition in transitions:
        is_after_creation = transition.occurred_at_us >= entry.created_at_us - CLOCKS_DIFFER_US
        if is_after_creation and entry.endpoint.wants(transition.event_type):
            yield transition
