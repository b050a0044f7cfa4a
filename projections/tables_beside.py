"""What rebuilds left beside the live tables: dropped as soon as nobody can read it any more, and never before.

Whoever began before a swap reads the replaced tables to his end. So first every snapshot from before the swap must be
gone, then the views forget the tables, which waits for those who read them and holds up nobody, and then they go.
"""

from __future__ import annotations

import psycopg
import structlog
from psycopg import errors, sql

from projections.named_sql import statement

log = structlog.get_logger(__name__)

# Short: somebody who waits for a table keeps those behind him waiting.
LOCK_WAIT = "200ms"


def drop_beside(connection: psycopg.Connection) -> list[str]:
    """Drop the tables of every generation that nobody reads, and return the schemas that have to stay for now.

    Only for who holds the lock of rebuilds, or they may be in the making.
    """
    connection.execute(sql.SQL("SET lock_timeout = {}").format(LOCK_WAIT))
    try:
        return _dropped_or_kept(connection)
    finally:
        connection.execute("RESET lock_timeout")


def _dropped_or_kept(connection: psycopg.Connection) -> list[str]:
    kept = []
    for generation, schema, may_be_read in connection.execute(statement("tables_beside")).fetchall():
        if may_be_read or not _dropped(connection, schema):
            kept.append(schema)
            continue
        connection.execute("DELETE FROM live.beside WHERE generation = %s", (generation,))
        log.info("replaced_tables_dropped", schema=schema)
    return kept


def _dropped(connection: psycopg.Connection, schema: str) -> bool:
    try:
        _drop(connection, schema)
    except (errors.LockNotAvailable, errors.DependentObjectsStillExist) as reason:
        log.info("replaced_tables_kept", schema=schema, reason=str(reason))
        return False
    return True


def _drop(connection: psycopg.Connection, schema: str) -> None:
    for parent, table, is_half_detached in connection.execute(
        statement("attached_beside"), {"schema": schema}
    ).fetchall():
        # In a transaction of its own, and to be ended by FINALIZE when it was given up half-way.
        connection.execute(
            sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}").format(
                sql.Identifier("live", parent),
                sql.Identifier(schema, table),
                sql.SQL("FINALIZE" if is_half_detached else "CONCURRENTLY"),
            )
        )
    with connection.transaction():
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,)).fetchall()
        for (table,) in tables:
            # Without CASCADE: what somebody built on these tables is not ours to drop.
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(schema, table)))
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {}").format(sql.Identifier(schema)))
