"""The ledger rows of a payment's transitions; the postings themselves are decided in `payments.ledger`."""

from __future__ import annotations

from collections.abc import Iterator

from payments.ledger import Direction, postings
from projections.views.payments import Snapshot

# payment_id, sequence, line, partition, tenant_id, account, direction, amount_minor, currency, occurred_at_us
Entry = tuple[str, int, int, int, str, str, str, int, str, int]

TIMES = (9,)
DEBIT = Direction.DEBIT.value


def rows(snapshot: Snapshot, *, after_sequence: int) -> Iterator[Entry]:
    """Yield the lines of the transitions after the one with `after_sequence` (0: of all)."""
    head = snapshot.payment.head
    for transition in snapshot.payment.transitions[after_sequence:]:
        for posting in postings(head, transition):
            yield (
                snapshot.payment_id,
                transition.sequence,
                posting.line,
                snapshot.partition,
                head.tenant_id,
                posting.account,
                str(posting.direction),
                posting.amount_minor,
                head.currency,
                transition.occurred_at_us,
            )
