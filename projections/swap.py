"""The swap: tables that were filled beside the live ones take their place, and no reader notices."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import psycopg
from psycopg import errors, sql

from projections.batch import Place
from projections.fresh_tables import FreshTables
from projections.named_sql import LIVE_SCHEMA, statement
from schemas.topics import PAYMENT_REJECTIONS

# For a batch that is being written to end. Projectors that come behind us wait as long.
LOCK_WAIT = "2s"
ATTEMPTS_MAX = 60
ATTEMPT_PAUSE_S = 0.5

Drain = Callable[[Mapping[Place, int]], bool]


class _NotInTime(Exception):
    """The projector must not wait any longer."""


class SwapRefused(Exception):
    """The live tables cannot be replaced: they have changed their shape, or were held by somebody all the time."""


def swap(connection: psycopg.Connection, fresh: FreshTables, drain: Drain, *, schema_sha256: str) -> None:
    """Make `fresh` the live tables. Raises SwapRefused, or what Postgres says; then nothing has changed.

    Nobody projects while `drain` runs: it brings the fresh tables to at least the given positions and says whether it
    could in time; if not, all is let go and tried again. Batches that waited find themselves overtaken afterwards, and
    go on in the new tables.
    """
    for _ in range(ATTEMPTS_MAX):
        if _swapped(connection, fresh, drain, schema_sha256):
            return
        # Let those through that waited behind us.
        time.sleep(ATTEMPT_PAUSE_S)
    raise SwapRefused(f"the positions in {LIVE_SCHEMA}.offsets were held by somebody, {ATTEMPTS_MAX} times in a row")


def shape(connection: psycopg.Connection) -> str:
    """Return what tells whether the schema was migrated meanwhile."""
    row = connection.execute("SELECT string_agg(sha256, ' ' ORDER BY version) FROM projection.migrations").fetchone()
    assert row is not None
    return str(row[0])


def _swapped(connection: psycopg.Connection, fresh: FreshTables, drain: Drain, schema_sha256: str) -> bool:
    try:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_WAIT))
            # Before everything that the projector does not wait for: it commits without the disk, this does not.
            connection.execute("SET LOCAL synchronous_commit = on")
            held = connection.execute(statement("hold_positions")).fetchall()
            if not drain({(topic, partition): position for topic, partition, _, position in held}):
                raise _NotInTime
            connection.execute("LOCK TABLE projection.migrations IN ACCESS EXCLUSIVE MODE")
            if shape(connection) != schema_sha256:
                raise SwapRefused("the database was migrated while the tables were filled: rebuild again")
            _keep_expired(connection, fresh)
            _replace(connection, fresh)
    except (errors.LockNotAvailable, _NotInTime):
        return False
    return True


def _keep_expired(connection: psycopg.Connection, fresh: FreshTables) -> None:
    kept = {"kept_ms": PAYMENT_REJECTIONS.retention_ms}
    connection.execute(statement("keep_expired_outcomes", schema=fresh.schema), kept)


def _replace(connection: psycopg.Connection, fresh: FreshTables) -> None:
    row = connection.execute("SELECT generation FROM live.generation").fetchone()
    assert row is not None
    replaced = f"{LIVE_SCHEMA}_{row[0]}"
    connection.execute(
        sql.SQL(statement("replace_live")).format(
            generation=sql.Literal(fresh.generation),
            schema=sql.Identifier(fresh.schema),
            replaced=sql.Literal(row[0]),
            replaced_name=sql.Literal(replaced),
            replaced_schema=sql.Identifier(replaced),
        ),
        prepare=False,
    )
