"""Cursors: what was given out is taken back, anything else is refused."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections.cursors import MalformedCursor, read_cursor, read_names_cursor, write_cursor, write_names_cursor

AT_US = 1_740_061_920_000_001
NAMES = st.from_regex(r"[a-z_]{1,20}(:[a-z0-9_-]{1,40})?", fullmatch=True)


@given(
    at_us=st.integers(946_684_800_000_000, 7_258_118_399_999_999),
    last_id=st.uuids().map(str) | st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True),
)
def test_a_cursor_comes_back_as_it_was(at_us: int, last_id: str) -> None:
    assert read_cursor(write_cursor(at_us, last_id)) == (at_us, last_id)


@given(name=NAMES, other=NAMES)
@example(name=str(AT_US), other="i")
def test_a_cursor_of_names_comes_back_as_it_was_and_is_none_with_a_time(name: str, other: str) -> None:
    cursor = write_names_cursor(name, other)
    assert read_names_cursor(cursor) == (name, other)
    with pytest.raises(MalformedCursor):
        read_cursor(cursor)


def test_a_cursor_with_a_time_is_none_of_names() -> None:
    with pytest.raises(MalformedCursor):
        read_names_cursor(write_cursor(AT_US, "i"))


def written(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "!!!!", "é", "a" * 401, "=", "AAAA", written(None), written([]), written([1, AT_US]),
        written([2, AT_US, "i"]),
        written([1, 1e300, "i"]), written([1, -1, "i"]), written([1, 10**30, "i"]),
        written([1, AT_US, 7]), written([1, AT_US, "a\0b"]), written([True, AT_US, "i"]), written({"a": 1}),
        written([1, AT_US, "\ud800"]), written([1, "a\0b", "i"]), written([1, "a", "i", "b"]), written([2, "a", "i"]),
        written([1, "a"]), "WzEs" * 80,
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedCursor):
        read_cursor(text)
    with pytest.raises(MalformedCursor):
        read_names_cursor(text)


@given(st.text(max_size=100))
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    try:
        read_cursor(text)
    except MalformedCursor:
        return
    at_us, last_id = read_cursor(text)
    assert read_cursor(write_cursor(at_us, last_id)) == (at_us, last_id)
