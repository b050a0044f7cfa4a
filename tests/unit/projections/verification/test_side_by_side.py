"""Streams side by side: every key once, with all that each stream has of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.verification.side_by_side import side_by_side

keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=2)
tables = st.lists(st.tuples(keys, st.integers())).map(lambda rows: sorted(rows, key=lambda row: row[0]))


@given(st.dictionaries(keys, st.integers()), tables, tables)
def test_every_key_comes_once_with_all_that_each_has_of_it(
    logged: dict[str, int], first: list[tuple[str, int]], second: list[tuple[str, int]]
) -> None:
    found = list(side_by_side(sorted(logged.items()), first, second))
    assert [key for key, _, _ in found] == sorted({*logged, *dict(first), *dict(second)})
    for key, said, rows in found:
        assert said == logged.get(key)
        assert rows == tuple([value for name, value in table if name == key] for table in (first, second))


def test_a_stream_in_another_order_is_no_stream() -> None:
    with pytest.raises(AssertionError, match="ordered"):
        list(side_by_side([("a", 1)], [("b", 1), ("a", 2)]))
