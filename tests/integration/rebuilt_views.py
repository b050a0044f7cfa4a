"""What a rebuild must leave as it was: the rows of every view, and the shape of every table."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from typing import Any

import psycopg
from psycopg import sql

from projections.queries import PaymentFilters, Queries

# What differs between two projections of the same log: when they looked, and whose tables they are.
_VIEWS = "SELECT viewname FROM pg_views WHERE schemaname = 'analytics' ORDER BY 1"
_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'projection'::regnamespace AND relkind = 'r' AND relname NOT IN ('migrations', 'offsets')
ORDER BY 1
"""
# Of each table: columns, constraints, indexes, storage, grants, owner; the generation's number left out.
_SHAPE = """
SELECT relname, what FROM pg_class CROSS JOIN LATERAL (
    SELECT format('column %s %s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull,
                  pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = pg_class.oid AND attnum > 0 AND attname <> 'generation'
    UNION ALL
    SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
    WHERE conrelid = pg_class.oid AND conname <> 'of_one_generation'
    UNION ALL
    SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = pg_class.oid
    UNION ALL
    SELECT format('storage %s, owner %s, grants %s', reloptions, relowner,
                  coalesce(relacl, acldefault('r', relowner)))
) AS shape (what)
WHERE relnamespace = 'projection'::regnamespace AND relkind = 'r'
ORDER BY 1, 2
"""


def hashes(uri: str) -> dict[str, str]:
    """Return a hash of all rows of every analysts' view and every projected table, in one snapshot."""
    found = {}
    with psycopg.connect(uri) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for schema, query in (("analytics", _VIEWS), ("projection", _TABLES)):
            for (name,) in connection.execute(query.encode()).fetchall():
                found[f"{schema}.{name}"] = _hash(connection, schema, name)
    return found


def _hash(connection: psycopg.Connection, schema: str, name: str) -> str:
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = format('%%I.%%I', %s::text, %s::text)::regclass "
            "AND attnum > 0 AND attname NOT IN ('generation', 'checked_at', 'projected_to') ORDER BY attnum",
            (schema, name),
        ).fetchall()
    ]
    rows = connection.execute(
        sql.SQL("SELECT ({})::text FROM {} ORDER BY 1").format(
            sql.SQL("ROW({})").format(sql.SQL(", ").join(map(sql.Identifier, columns))), sql.Identifier(schema, name)
        )
    )
    digest = hashlib.sha256()
    for (row,) in rows:
        digest.update(row.encode() + b"\n")
    return digest.hexdigest()


def shape(uri: str) -> list[tuple[Any, ...]]:
    """Return everything that a projected table is besides its rows."""
    with psycopg.connect(uri) as connection:
        return connection.execute(_SHAPE.encode()).fetchall()


class Readers:
    """An analyst and the API, reading without a pause. What they see only grows, balances, and never fails."""

    def __init__(self, *, analyst: str, owner: str, tenant_id: str) -> None:
        self.looked = 0
        self.asked = 0
        self.faults: list[str] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(analyst,)),
            threading.Thread(target=lambda: asyncio.run(self._ask(owner, tenant_id))),
        ]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self, uri: str) -> None:
        seen = 0
        try:
            with psycopg.connect(uri, autocommit=True, prepare_threshold=0) as connection:
                while not self._stop.is_set():
                    row = connection.execute(
                        """SELECT
                            (SELECT count(*) FROM payments),
                            (SELECT count(DISTINCT payment_id) FROM payments),
                            (SELECT count(*) FROM payment_events WHERE sequence = 1),
                            (SELECT coalesce(sum(balance), 0) FROM account_balances)"""
                    ).fetchone()
                    assert row is not None
                    if row[0] < seen or row[1] != row[0] or row[2] != row[0] or row[3] != 0:
                        self.faults.append(f"after {seen} payments: {row}")
                    seen = row[0]
                    self.looked += 1
        except psycopg.Error as error:
            self.faults.append(f"{type(error).__name__}: {error}")

    async def _ask(self, uri: str, tenant_id: str) -> None:
        queries = Queries.open(uri, timeout_s=20)
        try:
            while not self._stop.is_set():
                page = await queries.payments(tenant_id, PaymentFilters(), limit=5, cursor=None)
                if len(page.items) != 5:
                    self.faults.append(f"{len(page.items)} payments on a page")
                for item in page.items:
                    if not await queries.history(tenant_id, item.payment_id):
                        self.faults.append(f"{item.payment_id} has no history")
                self.asked += 1
        except Exception as error:
            self.faults.append(f"{type(error).__name__}: {error}")
        finally:
            await queries.close()
