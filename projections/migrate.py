"""Bring a database to the shape that this release projects into."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
import structlog
from psycopg import errors, sql

log = structlog.get_logger(__name__)

ANALYST = "directpay_analyst"
# Roles belong to the whole server: two databases that are migrated at once collide there, for milliseconds.
ATTEMPTS_MAX = 20
ATTEMPT_DELAY_S = 0.1
LOCK_WAIT = "60s"  # A migration that runs elsewhere takes seconds.
CONNECT_S_MAX = 5  # An address that swallows packets must not hold the start for libpq's two minutes.
CONNECT_PAUSE_S = 0.5

_DIRECTORY = Path(__file__).parent / "migrations"
_VERSIONED = re.compile(r"(\d{4})_(\w+)\.sql")
_COLLISIONS = (errors.UniqueViolation, errors.DuplicateObject, errors.DuplicateSchema, errors.DuplicateTable)


class DatabaseUnreachable(Exception):
    """Nobody answered, or let us in, for as long as we were to wait; the message says what was said last."""


class MigrationRefused(Exception):
    """The database has a history that is not this release's; the message says what differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema. A step that was released never changes: `sha256` tells."""

    version: int
    name: str
    text: LiteralString

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return the steps of this release, oldest first."""
    found = [(match, path) for path in _DIRECTORY.glob("*.sql") if (match := _VERSIONED.fullmatch(path.name))]
    steps = [
        Migration(version=int(match[1]), name=match[2], text=_read(path))
        for match, path in sorted(found, key=lambda pair: pair[1].name)
    ]
    assert [step.version for step in steps] == list(range(1, len(steps) + 1)), "versions count from 1 without gaps"
    return steps


def migrate(postgres_uri: str, *, analyst_password: str, wait_s: float = 0.0) -> None:
    """Apply what is missing and set the analysts' role and its password; safe to run twice, and twice at once.

    Raises MigrationRefused when the database is newer than this release or has other steps behind it, and
    DatabaseUnreachable when it could not be connected to for `wait_s` seconds (and once is always tried).
    """
    with _connect(postgres_uri, time.monotonic() + wait_s) as connection:
        connection.execute(sql.SQL("SET lock_timeout = {}").format(LOCK_WAIT))
        _patiently(_apply, connection)
        set_analyst(connection, analyst_password)


def set_analyst(connection: psycopg.Connection, password: str) -> None:
    """Make the analysts' role, or put it back to what it should be, with this password."""
    _patiently(_set_analyst, connection, password)


def check_migrated(connection: psycopg.Connection) -> None:
    """Raise MigrationRefused unless the database has exactly the steps of this release."""
    try:
        with connection.transaction():
            applied = _applied(connection)
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        applied = {}
    missing = [step.name for step in _missing(applied)]
    if missing:
        raise MigrationRefused(f"the database lacks the migrations {', '.join(missing)}: run the migrations first")


def _connect(postgres_uri: str, deadline: float) -> psycopg.Connection:
    while True:
        try:
            return psycopg.connect(
                postgres_uri, autocommit=True, application_name="directpay-migrate", connect_timeout=CONNECT_S_MAX
            )
        except psycopg.OperationalError as error:
            if time.monotonic() >= deadline:
                raise DatabaseUnreachable(f"Postgres cannot be reached: {error}") from error
            log.warning("postgres_unreachable", error=str(error))
        time.sleep(CONNECT_PAUSE_S)


def _patiently(step: Callable[..., None], connection: psycopg.Connection, *arguments: str) -> None:
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            with connection.transaction():
                step(connection, *arguments)
        except (*_COLLISIONS, errors.InternalError_, errors.SerializationFailure, errors.DeadlockDetected) as error:
            # "tuple concurrently updated" (an internal error) is Postgres' word for two ALTER ROLE at once.
            if attempt == ATTEMPTS_MAX:
                raise
            log.info("migration_collided", error=str(error), attempt=attempt)
            time.sleep(ATTEMPT_DELAY_S)
        else:
            return


def _apply(connection: psycopg.Connection) -> None:
    connection.execute(_read(_DIRECTORY / "ledger_of_migrations.sql"))
    # One migrates, others wait here and then find nothing missing. A table lock, because analysts cannot take it.
    connection.execute("LOCK TABLE projection.migrations IN ACCESS EXCLUSIVE MODE")
    for step in _missing(_applied(connection)):
        connection.execute(step.text)
        connection.execute(
            "INSERT INTO projection.migrations (version, name, sha256) VALUES (%s, %s, %s)",
            (step.version, step.name, step.sha256),
        )
        log.info("migration_applied", version=step.version, name=step.name)


def _applied(connection: psycopg.Connection) -> dict[int, str]:
    return dict(connection.execute("SELECT version, sha256 FROM projection.migrations").fetchall())


def _missing(applied: dict[int, str]) -> list[Migration]:
    steps = migrations()
    if newer := set(applied) - {step.version for step in steps}:
        raise MigrationRefused(f"the database is at migration {max(newer)}, which this release does not know")
    for step in steps:
        if applied.get(step.version, step.sha256) != step.sha256:
            raise MigrationRefused(
                f"migration {step.version} ({step.name}) was applied with another text than this release's"
            )
    return [step for step in steps if step.version not in applied]


def _set_analyst(connection: psycopg.Connection, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ANALYST,)).fetchone()
    if known is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(ANALYST)))
    # Hashed here, so that neither the server's log nor pg_stat_activity sees the password.
    verifier = connection.pgconn.encrypt_password(password.encode(), ANALYST.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(ANALYST), sql.Literal(verifier.decode()))
    )
    connection.execute(_read(_DIRECTORY / "analyst_role.sql"))


def _read(path: Path) -> LiteralString:
    return path.read_text(encoding="utf-8")
