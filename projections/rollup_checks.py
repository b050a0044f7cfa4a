"""Whether the sums are what the rows say: each is counted anew and compared. For `directpay verify` and for tests."""

from __future__ import annotations

from typing import Any

import psycopg

from projections.named_sql import statement

# One a table that holds sums. Each returns the rows that are wrong, which begin with `said`, and those that are
# missing, which begin with `counted`.
CHECKS = (
    "check_account_balances",
    "check_daily_payments",
    "check_daily_failures",
    "check_daily_ledger",
    "check_settle_times",
    "check_open_payments",
    "check_leases",
)


def inconsistencies(connection: psycopg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Return, by table, the rows that are not what the rows behind them say; empty when all is right.

    In one snapshot, so that a projector may work meanwhile. Reads everything: seconds for a million payments.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = {name.removeprefix("check_"): connection.execute(statement(name)).fetchall() for name in CHECKS}
    return {table: rows for table, rows in found.items() if rows}
