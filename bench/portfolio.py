"""A database with millions of payments, made with SQL in minutes: what questions about a large portfolio run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg

from projections.migrate import migrate, migrations

Say = Callable[[str], None]

_STATEMENTS = Path(__file__).with_name("portfolio.sql")
# The part of that migration that counts what is there: tests hold that the projector counts the same.
_COUNTING_MIGRATION, _COUNTING = "rollups", "-- What was projected before"


def fill(uri: str, *, payments: int, leases: int, analyst_password: str, say: Say) -> None:
    """Migrate an empty database and fill it; a few minutes and 8 GB for 5,000,000 payments."""
    migrate(uri, analyst_password=analyst_password)
    with psycopg.connect(uri, autocommit=True, options="-c timezone=UTC -c work_mem=256MB") as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute("SELECT set_config('portfolio.payments', %s, false)", (str(payments),))
        connection.execute("SELECT set_config('portfolio.leases', %s, false)", (str(leases),))
        with _without_indexes(connection, say):
            for statement in _statements():
                say(statement.strip().partition("\n")[0])
                connection.execute(statement)
        counting = next(step.text for step in migrations() if step.name == _COUNTING_MIGRATION)
        say("the sums")
        connection.execute(counting[counting.index(_COUNTING) :])
        say("vacuum")
        connection.execute("VACUUM ANALYZE")


def _statements() -> list[LiteralString]:
    text: LiteralString = _STATEMENTS.read_text(encoding="utf-8")
    return [statement for statement in text.split(";\n") if statement.strip()]


@contextmanager
def _without_indexes(connection: psycopg.Connection, say: Say) -> Iterator[None]:
    """Make the large tables' indexes when they are full: sorting once is much faster than finding each row's place."""
    tables = ["payments", "payment_events", "ledger_entries", "account_balances"]
    keys = connection.execute(
        """SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
               format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
           FROM pg_constraint
           WHERE contype = 'p' AND conislocal AND coninhcount = 0 AND conrelid::regclass::text = ANY(%s)""",
        ([f"projection.{table}" for table in tables],),
    ).fetchall()
    indexes = connection.execute(
        """SELECT format('DROP INDEX projection.%%I', indexname), indexdef FROM pg_indexes
           WHERE schemaname = 'projection' AND tablename = ANY(%s) AND indexname NOT LIKE '%%_pkey'""",
        (tables,),
    ).fetchall()
    for dropped, _ in keys + indexes:
        connection.execute(dropped.encode())
    yield
    for _, made in keys + indexes:
        say(made)
        connection.execute(made.encode())
