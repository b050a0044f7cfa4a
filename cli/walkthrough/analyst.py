"""What an analyst sees: the views of the schema `analytics`, through the read-only role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString

import psycopg

PAYMENTS_SQL: LiteralString = """SELECT payment_rail_type, status, failure_code, count(*), sum(amount) AS amount
     FROM analytics.payments WHERE payment_id = ANY(%(ids)s::uuid[]) GROUP BY 1, 2, 3 ORDER BY 1, 2"""
BALANCE_SQL: LiteralString = """SELECT sum(amount) FILTER (WHERE direction = 'debit') AS debits,
          sum(amount) FILTER (WHERE direction = 'credit') AS credits
     FROM analytics.ledger_entries WHERE payment_id = ANY(%(ids)s::uuid[])"""

LEDGER_SQL: LiteralString = """SELECT sequence, account, direction, amount
     FROM analytics.ledger_entries WHERE payment_id = ANY(%(ids)s::uuid[]) ORDER BY sequence, line"""


def ask(uri: str, sql: LiteralString, payment_ids: list[str], say: Callable[[str], None]) -> list[tuple[Any, ...]]:
    """Run a query about these payments, show it with its answer as a table, and return the rows."""
    with psycopg.connect(uri, connect_timeout=10) as connection:
        cursor = connection.execute(sql, {"ids": payment_ids})
        rows = cursor.fetchall()
    columns = [column.name for column in cursor.description or ()]
    table = [columns, *([("" if value is None else str(value)) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    say(f"   {sql}")
    for row in table:
        say("      " + "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())
    return rows
