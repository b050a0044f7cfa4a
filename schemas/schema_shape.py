"""What a schema from elsewhere must not be: a few bytes of data must never make a reader work or nest without bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SchemaUnusable(Exception):
    """A schema that bytes could turn against their reader; the message says how."""


def without_logical_types(schema: Any) -> Any:
    """Return the schema with its values as they stand on the wire: times as integers, ids as text."""
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if isinstance(schema, Mapping):
        return {key: without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return schema


def check_shape(schema: Any) -> None:
    """Raise SchemaUnusable when records nest in themselves, or items of an array have no bytes.

    The first could exhaust the stack of a parser that is written in C; of the second, 10 bytes can claim 2^60.
    """
    _bytes_min(schema, "", {}, ())


def _bytes_min(schema: Any, namespace: str, sizes: dict[str, int], open_names: tuple[str, ...]) -> int:
    """Return the least bytes that a value of this schema has (0 or 1 is all that matters)."""
    if isinstance(schema, list):
        for branch in schema:
            _bytes_min(branch, namespace, sizes, open_names)
        return 1
    if isinstance(schema, str):
        name = schema if "." in schema or not namespace else f"{namespace}.{schema}"
        if name in open_names or schema in open_names:
            raise SchemaUnusable(f"{schema} contains itself")
        return sizes.get(name, sizes.get(schema, 0 if schema == "null" else 1))
    kind = schema["type"]
    if not isinstance(kind, str):
        return _bytes_min(kind, namespace, sizes, open_names)
    if kind in ("array", "map"):
        items = _bytes_min(schema["items" if kind == "array" else "values"], namespace, sizes, open_names)
        if kind == "array" and items == 0:
            raise SchemaUnusable("an array's items have no bytes")
        return 1
    if kind not in ("record", "error", "fixed", "enum"):
        return _bytes_min(kind, namespace, sizes, open_names)
    given = schema.get("namespace", namespace)
    name = schema["name"] if "." in schema["name"] or not given else f"{given}.{schema['name']}"
    sizes[name] = min(1, schema["size"]) if kind == "fixed" else 1
    if kind in ("record", "error"):
        within = name.rpartition(".")[0]
        parts = [_bytes_min(field["type"], within, sizes, (*open_names, name)) for field in schema["fields"]]
        sizes[name] = max(parts, default=0)
    return sizes[name]
