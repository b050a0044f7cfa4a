"""The statements of this package, by the names of their files in `sql/`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import LiteralString

# Where the live tables are, and what a statement names them by.
LIVE_SCHEMA = "projection"

_DIRECTORY = Path(__file__).parent / "sql"
_ONLY_WITH = re.compile(r"--\s*only with: (\w+)\s*$")
_TABLES_OF_LIVE = re.compile(rf"\b{LIVE_SCHEMA}\.(?=[a-z_]+\b)")
_SCHEMA = re.compile(r"projection(_\d+)?")


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
