"""New tables beside the live ones, made as those are: columns, constraints, keys, indexes, storage, grants.

The live tables themselves are the pattern, so that no second copy of their definitions can differ from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from projections.named_sql import LIVE_SCHEMA, statement

# Loaded without their keys, which are made faster of what is there. Nothing is in them twice before that either: the
# row of a payment says which of its transitions are new.
KEYED_LAST = frozenset({"payment_events", "ledger_entries"})
# Sorts some millions of keys in memory. One index is made at a time.
MAINTENANCE_MEMORY = "256MB"


class CannotReplace(Exception):
    """Something is bound to the live tables and would stay with the replaced ones; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshTables:
    """The tables of one generation, in a schema of their own until they are the live ones."""

    generation: int
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _LiveTable:
    name: str
    parent: str  # What the views read: it has one partition a generation.
    storage: tuple[str, ...]


def require_replaceable(connection: psycopg.Connection) -> None:
    """Raise CannotReplace when a swap would leave something behind."""
    if bound := [row[0] for row in connection.execute(statement("bound_to_live")).fetchall()]:
        raise CannotReplace(
            f"{'; '.join(bound)}: views read analytics or live, and nothing else stands on {LIVE_SCHEMA}"
        )


def make_tables(connection: psycopg.Connection) -> FreshTables:
    """Make empty tables, with the keys that loading them needs."""
    row = connection.execute(statement("register_beside")).fetchone()
    assert row is not None
    fresh = FreshTables(generation=row[0], schema=row[1])
    with connection.transaction():
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(fresh.schema)))
        for table in _live_tables(connection):
            _make_table(connection, fresh, table)
        _make_keys(connection, fresh, are_last=False)
        _grant(connection, fresh)
    return fresh


def finish_tables(connection: psycopg.Connection, fresh: FreshTables) -> None:
    """Make what is made faster of loaded tables: the other keys, indexes, statistics. A broken key raises."""
    connection.execute(sql.SQL("SET maintenance_work_mem = {}").format(MAINTENANCE_MEMORY))
    _make_keys(connection, fresh, are_last=True)
    _make_indexes(connection, fresh)
    for table in _live_tables(connection):
        identifier = sql.Identifier(fresh.schema, table.name)
        connection.execute(sql.SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(identifier))
        _set_storage(connection, identifier, table.storage)
        connection.execute(sql.SQL("ANALYZE {}").format(identifier))


def show_to_views(connection: psycopg.Connection, fresh: FreshTables) -> None:
    """Let the views know the tables, without reading them yet. No reader waits for this, nor is waited for."""
    with connection.transaction():
        for table in _live_tables(connection):
            connection.execute(
                sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES IN ({})").format(
                    sql.Identifier("live", table.parent),
                    sql.Identifier(fresh.schema, table.name),
                    sql.Literal(fresh.generation),
                )
            )


def analyse_views(connection: psycopg.Connection) -> None:
    """Renew the statistics of what the views read as a whole, which Postgres does not do by itself."""
    for table in _live_tables(connection):
        connection.execute(sql.SQL("ANALYZE ONLY {}").format(sql.Identifier("live", table.parent)))


def _live_tables(connection: psycopg.Connection) -> list[_LiveTable]:
    return [
        _LiveTable(name=name, parent=parent, storage=tuple(storage or ()))
        for name, parent, storage in connection.execute(statement("tables_of_live")).fetchall()
    ]


def _make_table(connection: psycopg.Connection, fresh: FreshTables, table: _LiveTable) -> None:
    identifier = sql.Identifier(fresh.schema, table.name)
    connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)").format(
            identifier, sql.Identifier(LIVE_SCHEMA, table.name)
        )
    )
    connection.execute(
        sql.SQL(
            "ALTER TABLE {} ALTER generation SET DEFAULT {}, DROP CONSTRAINT of_one_generation,"
            " ADD CONSTRAINT of_one_generation CHECK (generation = {})"
        ).format(identifier, sql.Literal(fresh.generation), sql.Literal(fresh.generation))
    )
    # While it is being filled nobody needs its statistics or its free space.
    _set_storage(connection, identifier, (*table.storage, "autovacuum_enabled=false"))


def _set_storage(connection: psycopg.Connection, table: sql.Identifier, options: tuple[str, ...]) -> None:
    settings = {name: value for name, _, value in (option.partition("=") for option in options)}
    for name, value in settings.items():
        connection.execute(
            sql.SQL("ALTER TABLE {} SET ({} = {})").format(table, sql.Identifier(name), sql.Literal(value))
        )


def _make_keys(connection: psycopg.Connection, fresh: FreshTables, *, are_last: bool) -> None:
    for table, name, key, _ in connection.execute(statement("keys_and_indexes_of_live")).fetchall():
        if key is not None and (table in KEYED_LAST) == are_last:
            connection.execute(
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                    sql.Identifier(fresh.schema, table), sql.Identifier(name), _of_postgres(key)
                )
            )


def _make_indexes(connection: psycopg.Connection, fresh: FreshTables) -> None:
    for _, _, key, definition in connection.execute(statement("keys_and_indexes_of_live")).fetchall():
        if key is None:
            before, on_live, after = definition.partition(f" ON {LIVE_SCHEMA}.")
            assert on_live, definition
            connection.execute(_of_postgres(f"{before} ON {fresh.schema}.{after}"))


def _grant(connection: psycopg.Connection, fresh: FreshTables) -> None:
    for table, privilege, role, is_grantable in connection.execute(statement("grants_of_live")).fetchall():
        schema = sql.SQL("SCHEMA {}").format(sql.Identifier(fresh.schema))
        connection.execute(
            sql.SQL("GRANT {} ON {} TO {} {}").format(
                _of_postgres(privilege),
                sql.Identifier(fresh.schema, table) if table is not None else schema,
                sql.Identifier(role) if role is not None else sql.SQL("PUBLIC"),
                sql.SQL("WITH GRANT OPTION" if is_grantable else ""),
            )
        )


def _of_postgres(text: str) -> sql.SQL:
    """Return SQL that Postgres itself has written: definitions, names of privileges."""
    return sql.SQL(text)
