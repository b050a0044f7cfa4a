"""A partition's table: the newest snapshot of each key, a batch seeing its own decisions before the log holds them."""

from __future__ import annotations

from stream_app.table import Table


def table_of(*records: tuple[bytes, bytes | None]) -> Table[str]:
    table = Table(bytes.decode)
    for key, value in records:
        table.restore(key, value)
    return table


def test_the_last_record_of_a_key_counts() -> None:
    assert table_of((b"a", b"1"), (b"b", b"2"), (b"a", b"3")).peek("a") == "3"


def test_a_tombstone_removes_the_key() -> None:
    table = table_of((b"a", b"1"), (b"a", None))
    assert table.peek("a") is None
    assert len(table) == 0


def test_a_batch_sees_what_it_staged_and_the_table_does_not_until_it_is_applied() -> None:
    table = table_of((b"a", b"1"))
    table.stage("a", "2", b"2")
    assert table.peek("a") == "2"
    table.apply()
    assert table.peek("a") == "2"
    table.restore(b"a", b"3")
    assert table.peek("a") == "3"


def test_staged_snapshots_do_not_count_before_they_are_applied() -> None:
    table = table_of()
    table.stage("a", "1", b"1")
    assert len(table) == 0
    table.apply()
    assert len(table) == 1
