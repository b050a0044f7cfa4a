"""The book's SQLite file, for the one connection that writes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kafka_log.sql_files import read_statements
from kafka_log.state_file import Tables, open_state_file

_FOLDER = Path(__file__).parent / "sql"
STATEMENTS = read_statements(_FOLDER / "statements.sql")
# A book of another shape is dropped, and folded again.
_TABLES = Tables(schema=_FOLDER / "book.sql", shape=4, dropped="ach_book_dropped")


def open_book_file(path: Path) -> sqlite3.Connection:
    """Return a connection to the book in `path`, emptied when it is damaged or made by another version."""
    return open_state_file(path, _TABLES)
