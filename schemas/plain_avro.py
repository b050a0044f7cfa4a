"""Avro's primitives, read where they stand in the bytes and written directly: for the records that there are most of.

`read_...` takes the bytes and a place in them, and returns what stands there and the place behind it. Only the usual
spelling is read; for any other NotPlain is raised, or whatever Python raises, and fastavro is asked. A text that ends
behind the data leaves a place there: the reader of the whole record compares that with the end. `..._of` returns a
value's bytes.
"""

from __future__ import annotations

from functools import lru_cache

BODY_AT = 5  # Behind the zero byte and the schema's id.
_SHIFTS = range(7, 64, 7)  # Of the second to the tenth byte, the last that a long may have.
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
    size = data[at]
    if size & 0x81:  # More than 63 bytes, or negative.
        size, at = read_long(data, at)
        if size < 0:
            raise NotPlain
        return data[at : at + size], at + size
    at += 1
    end = at + (size >> 1)
    return data[at:end], end


def read_long(data: bytes, at: int) -> tuple[int, int]:
    zigzag = data[at]
    at += 1
    if zigzag < 0x80:
        return zigzag >> 1 ^ -(zigzag & 1), at
    zigzag -= 0x80
    for shift in _SHIFTS:
        byte = data[at]
        at += 1
        if byte < 0x80:
            zigzag += byte << shift
            if zigzag >> _LONG_BITS:
                break
            return zigzag >> 1 ^ -(zigzag & 1), at
        zigzag += byte - 0x80 << shift
    raise NotPlain


# An Avro long is zigzag, 7 bits a byte, the lowest first; a byte that is not the last has its highest bit set.
# Two bytes are looked up at a time: times would take eight steps otherwise, in every head and transition.
_TWO_BYTES = 1 << 14
# Times that are near to each other (2 minutes) have the same high bits.
HIGH_BITS_REMEMBERED_MAX = 1024


def _varint(zigzag: int) -> bytes:
    data = bytearray()
    while zigzag > 0x7F:
        data.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    data.append(zigzag)
    return bytes(data)


_LAST = [_varint(zigzag) for zigzag in range(_TWO_BYTES)]
_NOT_LAST = [bytes((zigzag & 0x7F | 0x80, zigzag >> 7 | 0x80)) for zigzag in range(_TWO_BYTES)]


def long_of(number: int) -> bytes:
    left = number << 1 ^ number >> 63
    if left < _TWO_BYTES:
        return _LAST[left]
    if left < _TWO_BYTES << 14:
        return _NOT_LAST[left & _TWO_BYTES - 1] + _LAST[left >> 14]
    return _NOT_LAST[left & _TWO_BYTES - 1] + _NOT_LAST[left >> 14 & _TWO_BYTES - 1] + _high(left >> 28)


_high = lru_cache(HIGH_BITS_REMEMBERED_MAX)(_varint)


def bytes_of(data: bytes) -> bytes:
    size = len(data)
    return (_LAST[size << 1] if size < 8192 else long_of(size)) + data


def text_of(text: str) -> bytes:
    # Written out: it is called a dozen times for every payment.
    data = text.encode()
    size = len(data)
    return (_LAST[size << 1] if size < 8192 else long_of(size)) + data


def optional_of(text: str | None) -> bytes:
    return b"\0" if text is None else b"\2" + text_of(text)
