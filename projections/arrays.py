"""A column's values as Postgres reads an array in its binary form.

psycopg's lists look at every value and give smaller numbers a smaller type: a statement of many arrays would be planned
anew for each mixture of types. Here text is text, and a number is a bigint; the statements cast.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import Dumper

_HEAD = struct.Struct("!iiIii")  # Dimensions, whether there are NULLs, the values' type, how many, the first's number.
_SIZE = struct.Struct("!i")
_NULL = _SIZE.pack(-1)
_EPOCH_DAY = date(2000, 1, 1).toordinal()  # Postgres counts days from there.


class Array:
    """Values in the binary form; the class says of which type."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class Texts(Array):
    __slots__ = ()


class Bigints(Array):
    __slots__ = ()


class Byteas(Array):
    __slots__ = ()


class Dates(Array):
    __slots__ = ()


class _ArrayDumper(Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.data


class _TextsDumper(_ArrayDumper):
    oid = 1009


class _BigintsDumper(_ArrayDumper):
    oid = 1016


class _ByteasDumper(_ArrayDumper):
    oid = 1001


class _DatesDumper(_ArrayDumper):
    oid = 1182


# Postgres' numbers of its own types never change.
for _kind, _dumper in (
    (Texts, _TextsDumper),
    (Bigints, _BigintsDumper),
    (Byteas, _ByteasDumper),
    (Dates, _DatesDumper),
):
    psycopg.adapters.register_dumper(_kind, _dumper)


def _days(day: date) -> bytes:
    return _SIZE.pack(day.toordinal() - _EPOCH_DAY)


# By the type of the values: what they are together, the number of each one's type, and its bytes.
_KINDS: dict[type, tuple[type[Array], int, Callable[[Any], bytes]]] = {
    str: (Texts, 25, str.encode),
    int: (Bigints, 20, struct.Struct("!q").pack),
    bytes: (Byteas, 17, bytes),
    date: (Dates, 1082, _days),
}


def array_of(values: Sequence[Any]) -> Array:
    """Return values of one type, and None among them; of nothing but None, texts. Raises KeyError for another type."""
    assert values, "an array of nothing has another form"
    kind, oid, encoded = _KINDS[type(next((value for value in values if value is not None), ""))]
    parts = [_HEAD.pack(1, None in values, oid, len(values), 1)]
    size_of = _SIZE.pack
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            data = encoded(value)
            parts += (size_of(len(data)), data)
    return kind(b"".join(parts))
