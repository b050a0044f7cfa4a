"""The log and the tables read side by side: what each has of a key, without ever holding more than one key's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

L = TypeVar("L")
R = TypeVar("R")


def side_by_side(
    logged: Iterable[tuple[str, L]], *tables: Iterable[tuple[str, R]]
) -> Iterator[tuple[str, L | None, tuple[list[R], ...]]]:
    """Yield every key that the log or a table has, with what the log says of it (None: nothing) and each table's rows.

    All are ordered by their keys, by code points; the log has each key once.
    """
    tagged = [_tagged(number, stream) for number, stream in enumerate((logged, *tables))]
    for key, group in groupby(merge(*tagged, key=itemgetter(0)), key=itemgetter(0)):
        found: list[list[Any]] = [[] for _ in tagged]
        for _, number, item in group:
            found[number].append(item)
        said, *rows = found
        assert len(said) <= 1, "the log's newest is one"
        yield key, said[0] if said else None, tuple(rows)


def _tagged(number: int, stream: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, int, Any]]:
    before = ""
    for key, item in stream:
        # In another order (a database's own collation, say) what is there would count as missing.
        assert before <= key, "a stream is ordered by its keys"
        before = key
        yield key, number, item
