"""Of a transaction everything is written or nothing, and what went wrong is told as it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kafka_log.state_file import connect, transaction

ROOM = "CREATE TABLE rooms (room INTEGER PRIMARY KEY)"
GUEST = "CREATE TABLE guests (room INTEGER REFERENCES rooms DEFERRABLE INITIALLY DEFERRED)"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "state.sqlite")
    for statement in ("PRAGMA foreign_keys=ON", ROOM, GUEST):
        connection.execute(statement)
    yield connection
    connection.close()


def rooms(connection: sqlite3.Connection) -> list[int]:
    return [row["room"] for row in connection.execute("SELECT room FROM rooms ORDER BY room")]


def one_and_an_interrupt() -> Iterator[tuple[int]]:
    yield (1,)
    raise KeyboardInterrupt


def test_what_is_written_within_is_written_and_is_there_for_others(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    with transaction(connection) as same:
        same.executemany("INSERT INTO rooms VALUES (?)", [(1,), (2,)])
    other = connect(tmp_path / "state.sqlite")
    assert rooms(other) == [1, 2]
    other.close()


def test_nothing_is_written_when_something_goes_wrong_within(connection: sqlite3.Connection) -> None:
    with pytest.raises(KeyboardInterrupt), transaction(connection):
        connection.executemany("INSERT INTO rooms VALUES (?)", one_and_an_interrupt())
    assert not connection.in_transaction
    assert rooms(connection) == []


def test_an_error_after_which_sqlite_has_rolled_back_by_itself_is_told_as_it_is(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE constraint failed"), transaction(connection):
        connection.executemany("INSERT OR ROLLBACK INTO rooms VALUES (?)", [(1,), (1,)])
    assert rooms(connection) == []


def test_a_commit_that_is_refused_leaves_no_transaction_open(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY constraint failed"), transaction(connection):
        connection.execute("INSERT INTO guests VALUES (7)")
    with transaction(connection):
        connection.execute("INSERT INTO rooms VALUES (7)")
    assert rooms(connection) == [7]
