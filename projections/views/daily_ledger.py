"""The ledger by day and account, all bank accounts together: apart, they were as many rows as the ledger has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from payments.ledger import BANK_ACCOUNT
from projections.rollup import Line, day_of
from projections.views.ledger_entries import DEBIT, Entry

COLUMNS = ("tenant_id", "day", "account", "currency", "partition")
BANK_ACCOUNTS = "bank_accounts"


def lines(entries: Iterable[Entry]) -> Iterator[Line]:
    """Yield what ledger lines add: cents debited and credited."""
    for _, _, _, partition, tenant_id, account, direction, amount_minor, currency, occurred_at_us in entries:
        day_account = BANK_ACCOUNTS if account.startswith(BANK_ACCOUNT) else account
        key = (tenant_id, day_of(occurred_at_us), day_account, currency, partition)
        yield (key, amount_minor, 0) if direction == DEBIT else (key, 0, amount_minor)
