from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from payments.metadata import METADATA_BYTES_MAX, METADATA_DEPTH_MAX, canonical_metadata, metadata_faults
from payments.refusals import InvalidCommand
from tests.unit.payments.histories import metadata


def nested(depth: int) -> dict[str, Any]:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    assert isinstance(value, dict)
    return value


@given(metadata)
def test_any_object_of_clean_text_is_metadata_in_one_spelling(value: dict[str, Any]) -> None:
    text = canonical_metadata(value)
    assert json.loads(text) == value
    assert metadata_faults("metadata", text) == ()
    assert canonical_metadata(dict(reversed(value.items()))) == text


def test_no_metadata_is_an_empty_object() -> None:
    assert canonical_metadata(None) == "{}"


@pytest.mark.parametrize(
    "value",
    [
        [], "text", 5, True, float("nan"), {"a": float("inf")}, {"a": "\0"}, {"a": {"\0": 1}}, {"a": "\ud800"},
        {"\udfff": 1},
        {"a": "x" * METADATA_BYTES_MAX}, {"a": "é" * (METADATA_BYTES_MAX // 2)}, nested(METADATA_DEPTH_MAX + 1),
        nested(500),
        {"a": object()}, {"a": 10**5000}, {1: "a", "1": "b"}, {"a": 1, 2: 3},
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, dict) or "a" not in value else None,
)  # fmt: skip
def test_metadata_that_a_store_could_not_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        canonical_metadata(value)
    assert [error.field for error in refusal.value.errors] == ["metadata"]


def test_a_cycle_is_refused() -> None:
    cycle: dict[str, Any] = {}
    cycle["itself"] = cycle
    with pytest.raises(InvalidCommand):
        canonical_metadata(cycle)


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", '"a"', "5", "{", "{}{}", "{} ", ' {"a":1}', '{"a": 1}', '{"b":1,"a":2}', '{"a":1,"a":2}',
        '{"a":1,}', "{'a':1}", '{"a":NaN}', '{"a":1e400}', '{"a":-Infinity}', '{"a":1e2}', '{"a":-0}', '{"a":01}',
        '{"a":"\\u0061"}',
        '{"a":"\\/"}', '{"a":"\\u00e9"}', '{"a":"\\u0000"}', '{"a":"\\\\\\u0000"}', '{"a":"\\ud800"}',
        '{"a":"\ud800"}', '{"a":"\0"}',
        '{"a":' * 5000, '{"a":' + "[" * 4000 + "]" * 4000 + "}", '{"a":' + "9" * 5000 + "}",
    ],
    ids=lambda text: repr(text)[:30],
)  # fmt: skip
def test_text_that_is_no_object_or_another_spelling_is_refused(text: str) -> None:
    assert [error.field for error in metadata_faults("terms", text)] == ["terms"]


def test_a_backslash_before_the_letters_u0000_is_no_nul() -> None:
    text = canonical_metadata({"path": "\\u0000", "C:\\u0000": "\\\\u0000"})
    assert json.loads(text) == {"path": "\\u0000", "C:\\u0000": "\\\\u0000"}


def test_metadata_may_be_as_deep_and_as_large_as_the_bounds_say() -> None:
    deepest = nested(METADATA_DEPTH_MAX)
    assert json.loads(canonical_metadata(deepest)) == deepest
    largest = {"a": "x" * (METADATA_BYTES_MAX - len('{"a":""}'))}
    assert len(canonical_metadata(largest)) == METADATA_BYTES_MAX


def test_brackets_in_text_and_side_by_side_are_not_depth() -> None:
    value = {"a": '[[{{"' * 100, "b": [[] for _ in range(100)], '"[': "\\"}
    assert json.loads(canonical_metadata(value)) == value
