"""What a batch writes: new rows are copied, and all the rest is one statement.

A statement costs some 50 microseconds in Python and Postgres even when it does nothing, and a batch had ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import psycopg

from payments.timestamps import rfc3339
from projections.arrays import Array, array_of
from projections.named_sql import joint, statement

Row = tuple[Any, ...]

# A transition's time is in its payment, its event and its ledger lines: it is spelt once for a batch of thousands.
_time = lru_cache(maxsize=8192)(rfc3339)


class Writes:
    """Collects what a transaction writes to the tables of `schema`. No two statements may touch the same rows: none
    sees what another has done."""

    def __init__(self, connection: psycopg.Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._arrays: dict[str, dict[str, Array]] = {}

    def copy(self, name: str, times: Sequence[int], rows: Sequence[Row]) -> None:
        """Copy rows at once to where `name` says; at the places in `times` they have microseconds, or None."""
        if not rows:
            return
        with self._connection.cursor() as cursor, cursor.copy(statement(name, schema=self._schema)) as copy:
            for row in rows:
                columns = list(row)
                for place in times:
                    if (at_us := columns[place]) is not None:
                        columns[place] = _time(at_us)
                copy.write_row(columns)

    def add(self, name: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Execute a statement about rows that it is given as an array a column, unless there are none."""
        if arrays := [array_of(values) for values in zip(*rows, strict=True)]:
            self._arrays[name] = dict(zip(columns, arrays, strict=True))

    def execute(self) -> None:
        """Do what was added and not done yet."""
        if not self._arrays:
            return
        together = joint(tuple(self._arrays), self._schema)
        arrays = [self._arrays[name][parameter] for name, parameter in together.parameters]
        # Raw: parameters are numbered as Postgres does it, and so long a statement is not read for them each time.
        with psycopg.RawCursor(self._connection) as cursor:
            cursor.execute(together.text, arrays)
        self._arrays = {}
