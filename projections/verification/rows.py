"""Rows of a table as the log means them and as they are stored: where they differ, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from payments.timestamps import rfc3339
from projections.verification.faults import Kind

Row = tuple[object, ...]

SHOWN_CHARACTERS_MAX = 60
BYTES_SHOWN_MAX = 8
# What is wrong with one payment in one table; more says no more.
DIFFERENCES_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table's columns, the first of which is its subject. `place` tells the rows of one subject apart.

    What is `private` may hold anything that a caller wrote, so its content is compared and never shown.
    """

    kind: Kind
    columns: tuple[str, ...]
    place: tuple[str, ...] = ()
    private: frozenset[str] = frozenset()

    @property
    def place_of(self) -> Callable[[Row], tuple[object, ...]]:
        indices = [self.columns.index(name) for name in self.place]
        return lambda row: tuple(row[index] for index in indices)


def differences(table: Table, logged: Sequence[Row], stored: Sequence[Row]) -> list[str]:
    """Return how the stored rows of one subject differ from those that the log means; both in the order of places."""
    if logged == stored:
        return []
    found = list(_differences(table, logged, stored))
    more = len(found) - DIFFERENCES_SHOWN_MAX
    return [*found[:DIFFERENCES_SHOWN_MAX], f"and {more} more"] if more > 0 else found


def _differences(table: Table, logged: Sequence[Row], stored: Sequence[Row]) -> Iterator[str]:
    meant, there = _by_place(table, logged), _by_place(table, stored)
    for place in sorted({*meant, *there}, key=repr):
        label = " ".join([table.kind.value, "/".join(map(str, place))]).rstrip()
        if place not in there:
            yield f"{label}: the row is missing"
        elif place not in meant:
            yield f"{label}: the log has no such row"
        elif len(there[place]) > 1:
            yield f"{label}: the row is there {len(there[place])} times"
        elif there[place] != meant[place]:
            yield f"{label}: {_unequal(table, meant[place][0], there[place][0])}"


def _by_place(table: Table, rows: Iterable[Row]) -> dict[tuple[object, ...], list[Row]]:
    place_of = table.place_of
    by_place: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        by_place.setdefault(place_of(row), []).append(row)
    return by_place


def _unequal(table: Table, meant: Row, there: Row) -> str:
    said = []
    for name, should, is_ in zip(table.columns, meant, there, strict=True):
        if should != is_:
            shown = f"{name} is {_shown(name, is_)}, the log says {_shown(name, should)}"
            said.append(f"{name} differs" if name in table.private else shown)
    return ", ".join(said)


def _shown(column: str, value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return value[:BYTES_SHOWN_MAX].hex() + ("..." if len(value) > BYTES_SHOWN_MAX else "")
        case int() if column.endswith("_at"):
            try:
                return rfc3339(value)
            except OverflowError:  # Postgres knows later times than we do, and infinity.
                return f"{value} us"
        case int():
            return str(value)
        case _:
            text = repr(value)
            return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}..."
