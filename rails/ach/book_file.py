"""The book's SQLite file: opened whole, or made anew. All of it can be had again from the log."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import structlog

from rails.sql_files import read_statements

log = structlog.get_logger(__name__)

BUSY_S_MAX = 10.0
SHAPE = 1  # Of the tables. A book of another shape is dropped, and folded again.

_FOLDER = Path(__file__).parent / "sql"
STATEMENTS = read_statements(_FOLDER / "statements.sql")


def open_book_file(path: Path) -> sqlite3.Connection:
    """Return a connection to the book in `path`, emptied when it is damaged or made by another version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _opened(path)
    except sqlite3.OperationalError:
        raise  # Locked, or no room, or no right: the file may be whole, and mending is for people.
    except sqlite3.DatabaseError as damage:
        log.warning("ach_book_dropped", path=str(path), why=str(damage))
        drop_book_file(path)
        return _opened(path)


def drop_book_file(path: Path) -> None:
    """Remove the book; nobody may have it open."""
    for part in ("", "-wal", "-shm"):
        path.with_name(path.name + part).unlink(missing_ok=True)


def open_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads, beside the one that writes."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S_MAX, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA query_only=ON")
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    """Return a connection to a file that is whole; raises DatabaseError when it is not."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S_MAX, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        # A commit need not reach the disk: after a power cut an older book is read on from its own, older offset.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        faults = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
        if faults != ["ok"]:
            raise sqlite3.DatabaseError(faults[0])
        if _is_of_another_shape(connection):
            raise sqlite3.DatabaseError("made by another version")
        connection.executescript((_FOLDER / "book.sql").read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA user_version={SHAPE}")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_of_another_shape(connection: sqlite3.Connection) -> bool:
    shape = connection.execute("PRAGMA user_version").fetchone()[0]
    has_tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0
    return bool(has_tables and shape != SHAPE)
