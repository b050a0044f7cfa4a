"""The statements of this package, by the names of their files in `sql/`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import LiteralString, NamedTuple

# Where the live tables are, and what a statement names them by.
LIVE_SCHEMA = "projection"

_DIRECTORY = Path(__file__).parent / "sql"
_ONLY_WITH = re.compile(r"--\s*only with: (\w+)\s*$")
_TABLES_OF_LIVE = re.compile(rf"\b{LIVE_SCHEMA}\.(?=[a-z_]+\b)")
_SCHEMA = re.compile(r"projection(_\d+)?")
_PARAMETER = re.compile(r"%\((\w+)\)b")


class Joint(NamedTuple):
    """Statements as one. `parameters` says what `$1`, `$2` and so on are: whose, and which."""

    text: bytes
    parameters: tuple[tuple[str, str], ...]


@cache
def statement(name: str, given: frozenset[str] = frozenset(), schema: str = LIVE_SCHEMA) -> LiteralString:
    """Return the statement in `sql/{name}.sql`, without the lines marked `-- only with: x` whose x is not in `given`.

    A filter that is not asked for is not in the statement, so that Postgres plans for the ones that are. With another
    `schema`, it is about the tables there: those that a rebuild fills beside the live ones. The text is ours: nothing
    that a caller sends is ever part of it.
    """
    assert _SCHEMA.fullmatch(schema), schema
    lines = (_DIRECTORY / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    kept = []
    for line in lines:
        marked = _ONLY_WITH.search(line)
        if marked is None or marked[1] in given:
            kept.append(line[: marked.start()].rstrip() if marked else line)
    return _TABLES_OF_LIVE.sub(f"{schema}.", "\n".join(kept))


@cache
def joint(names: tuple[str, ...], schema: str = LIVE_SCHEMA) -> Joint:
    """Return one statement that executes those of these names; each sees the tables as they were before all of them."""
    places: dict[tuple[str, str], int] = {}

    def placed(name: str) -> str:
        return _PARAMETER.sub(
            lambda found: f"${places.setdefault((name, found[1]), len(places) + 1)}", statement(name, schema=schema)
        )

    parts = ",\n".join(f"{name} AS (\n{placed(name)}\n)" for name in names)
    return Joint(f"WITH {parts}\nSELECT 1".encode(), tuple(places))
