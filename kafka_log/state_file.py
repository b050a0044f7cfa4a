"""A SQLite file of state that can all be had again from the log: opened whole, or made anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

BUSY_S_MAX = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What is in a file: `schema` is the SQL that makes its tables, `shape` their number; `dropped` names the event
    when a file that was damaged, or has another shape, is emptied."""

    schema: Path
    shape: int
    dropped: str


def open_state_file(path: Path, tables: Tables) -> sqlite3.Connection:
    """Return a connection to the state in `path`, emptied when it is damaged or made by another version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _opened(path, tables)
    except sqlite3.OperationalError:
        raise  # Locked, or no room, or no right: the file may be whole, and mending is for people.
    except sqlite3.DatabaseError as damage:
        # What is left of a damaged file cannot be believed, and what an earlier version has written need not be
        # understood.
        log.warning(tables.dropped, path=str(path), why=str(damage))
        drop_state_file(path)
        return _opened(path, tables)


def drop_state_file(path: Path) -> None:
    """Remove the state; nobody may have it open."""
    for part in ("", "-wal", "-shm"):
        path.with_name(path.name + part).unlink(missing_ok=True)


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection as all of ours are: statements commit by themselves, and rows have names."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S_MAX, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads, beside the one that writes."""
    connection = connect(path)
    connection.execute("PRAGMA query_only=ON")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Everything that is written within is written, or nothing; whatever goes wrong is raised as it is."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # After some errors (no room, interrupted) SQLite has rolled back already: they are what went wrong.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _opened(path: Path, tables: Tables) -> sqlite3.Connection:
    """Return a connection to a file that is whole; raises DatabaseError when it is not."""
    connection = connect(path)
    try:
        # A commit need not reach the disk: after a power cut older state is read on from its own, older offset.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        faults = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
        if faults != ["ok"]:
            raise sqlite3.DatabaseError(faults[0])
        if _is_of_another_shape(connection, tables.shape):
            raise sqlite3.DatabaseError("made by another version")
        connection.executescript(tables.schema.read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA user_version={tables.shape}")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_of_another_shape(connection: sqlite3.Connection, shape: int) -> bool:
    made_as = connection.execute("PRAGMA user_version").fetchone()[0]
    has_tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0
    return bool(has_tables and made_as != shape)
