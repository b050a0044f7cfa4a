"""Avro's primitives, read where they stand in the bytes: for the few records that are read most.

Each function takes the bytes and a place in them, and returns what stands there and the place behind it. Only the usual
spelling is read; for any other NotPlain is raised, or whatever Python raises, and fastavro is asked. A text that ends
behind the data leaves a place there: the reader of the whole record compares that with the end.
"""

from __future__ import annotations

BODY_AT = 5  # Behind the zero byte and the schema's id.
_SHIFT_MAX = 63  # Of the tenth byte, the last that a long may have.
_LONG_BITS = 64


class NotPlain(ValueError):
    """The bytes are not what is read here: ask fastavro."""


def read_text(data: bytes, at: int) -> tuple[str, int]:
    size = data[at]
    if size & 0x81:  # More than 63 bytes, or negative.
        raw, at = read_bytes(data, at)
        return raw.decode(), at
    at += 1
    end = at + (size >> 1)
    return data[at:end].decode(), end


def read_optional(data: bytes, at: int) -> tuple[str | None, int]:
    """Read a union of null and string."""
    branch = data[at]
    if branch == 0:
        return None, at + 1
    if branch == 2:
        return read_text(data, at + 1)
    raise NotPlain


def read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = read_long(data, at)
    if size < 0:
        raise NotPlain
    return data[at : at + size], at + size


def read_long(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    zigzag = byte & 0x7F
    shift = 7
    while byte & 0x80:
        if shift > _SHIFT_MAX:
            raise NotPlain
        at += 1
        byte = data[at]
        zigzag |= (byte & 0x7F) << shift
        shift += 7
    if zigzag >> _LONG_BITS:
        raise NotPlain
    return zigzag >> 1 ^ -(zigzag & 1), at + 1
