"""A partition's table: the newest snapshot of each key, a batch seeing its own decisions before the log holds them."""

from __future__ import annotations

from stream_app.table import Table
from tests.unit.stream_app.fetched import Memory


def table_of(store: Memory) -> Table[str]:
    return Table(store, encode=str.encode, decode=bytes.decode)


def test_what_the_store_has_is_decoded() -> None:
    assert table_of(Memory({b"a": b"1"})).peek("a") == "1"


def test_a_batch_sees_what_it_staged_and_the_store_does_not() -> None:
    store = Memory({b"a": b"1"})
    table = table_of(store)
    table.stage("a", "2")
    assert table.peek("a") == "2"
    assert store.values == {b"a": b"1"}
    assert table.staged() == {b"a": b"2"}


def test_staged_snapshots_are_forgotten_when_the_store_has_them() -> None:
    store = Memory()
    table = table_of(store)
    table.stage("a", "1")
    table.applied()
    assert table.staged() == {}
    assert table.peek("a") is None


def test_a_key_is_there_when_it_is_staged_fetched_or_stored() -> None:
    table = table_of(Memory({b"a": b"1", b"b": b"2"}))
    table.fetch(["a", "c"])
    table.stage("d", "4")
    assert [table.has(key) for key in "abcde"] == [True, True, False, True, False]
    assert [table.peek(key) for key in "abcde"] == ["1", "2", None, "4", None]
