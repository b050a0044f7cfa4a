"""A record tells how far the input was decided with it, and is understood."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream_app.exactly_once.decided import HEADER, places, told, value_in

topic_ids = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_", min_size=22, max_size=22)


@given(st.dictionaries(topic_ids, st.integers(0, 2**63 - 1), max_size=3))
def test_what_is_told_is_understood(known: dict[str, int]) -> None:
    assert places(told(known)) == known


def test_only_its_own_header_is_read() -> None:
    assert value_in([("ce_id", b"1"), (HEADER, b"commands:9")]) == b"commands:9"
    assert value_in([("ce_id", b"1")]) is None
    assert value_in(None) is None
