"""Schemas from elsewhere: a few bytes must not make us work or nest without bound."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.registry import schemas
from schemas.schema_shape import SchemaUnusable, check_shape, without_logical_types


def record(*types: Any, name: str = "R", **more: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": f"f{i}", "type": t} for i, t in enumerate(types)],
    } | more


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


@pytest.mark.parametrize(
    "schema",
    [
        record(array("null")),
        record(array(record(name="Empty"))),
        record(array(record("null", "null", name="Nulls"))),
        record(array({"type": "fixed", "name": "F", "size": 0})),
        record({"type": "fixed", "name": "F", "size": 0}, array("F")),
        record(record(name="Empty"), array("Empty")),
        record(array(array("null"))),
        record({"type": "map", "values": array("null")}),
        record({"type": array("null")}),
    ],
)
def test_arrays_whose_items_have_no_bytes_are_refused(schema: Any) -> None:
    with pytest.raises(SchemaUnusable, match="no bytes"):
        check_shape(schema)


@pytest.mark.parametrize(
    "schema",
    [
        record(["null", "R"]),
        record(array("R")),
        record({"type": "map", "values": "R"}),
        record(["null", "x.R"], namespace="x"),
        record(["null", "R"], namespace="x"),
        record(record(["null", "R"], name="Inner")),
    ],
)
def test_records_within_themselves_are_refused(schema: Any) -> None:
    with pytest.raises(SchemaUnusable, match="contains itself"):
        check_shape(schema)


@pytest.mark.parametrize("schema", [s.json for s in schemas()], ids=[s.name for s in schemas()])
def test_our_own_schemas_are_usable(schema: Any) -> None:
    check_shape(schema)


@pytest.mark.parametrize(
    "schema",
    [
        record("string", array("string"), {"type": "map", "values": "null"}),
        record(record("int", name="Inner"), array("Inner"), ["null", "Inner"]),
        record(array({"type": "enum", "name": "E", "symbols": ["A"]})),
        record(array(["null", "int"])),
        record(array({"type": "fixed", "name": "F", "size": 1})),
    ],
)
def test_ordinary_schemas_are_usable(schema: Any) -> None:
    check_shape(schema)


def test_values_are_taken_as_they_stand_on_the_wire() -> None:
    schema = record(
        {"type": "long", "logicalType": "timestamp-micros"}, ["null", {"type": "string", "logicalType": "uuid"}]
    )
    assert without_logical_types(schema) == record({"type": "long"}, ["null", {"type": "string"}])
