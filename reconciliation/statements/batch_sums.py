"""What a statement says of a batch must agree with the payments that it lists."""

from __future__ import annotations

from collections.abc import Sequence

from reconciliation.statements.faults import BrokenText, Rule
from reconciliation.statements.values import BatchItem

# An entry is held whole. Files of ours have at most so many payments, and a bank may book one as one entry: some 60 MB.
ITEMS_MAX = 100_000


def check_count(said: int, items: Sequence[BatchItem]) -> None:
    """Raise BrokenText unless `said` is how many payments are listed, or none is."""
    if items and said != len(items):
        raise BrokenText(Rule.COUNT, f"is {said}; the batch lists {len(items)}")


def check_net(said_minor: int, items: Sequence[BatchItem]) -> None:
    """Raise BrokenText unless the payments add up to `said_minor`, a credit positive, where all have amounts."""
    given = [item.direction.signed(item.amount_minor) for item in items if item.amount_minor is not None]
    if items and len(given) == len(items) and sum(given) != said_minor:
        raise BrokenText(Rule.SUM, f"is {said_minor} minor units; the payments of the batch give {sum(given)}")
