"""What was debited from and credited to each account: a row a partition, each the sum of its ledger lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from projections.rollup import Line
from projections.views.ledger_entries import DEBIT, Entry

COLUMNS = ("tenant_id", "account", "currency", "partition")


def lines(entries: Iterable[Entry]) -> Iterator[Line]:
    """Yield what ledger lines add: cents debited and credited."""
    for _, _, _, partition, tenant_id, account, direction, amount_minor, currency, _ in entries:
        key = (tenant_id, account, currency, partition)
        yield (key, amount_minor, 0) if direction == DEBIT else (key, 0, amount_minor)
