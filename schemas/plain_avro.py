"""Avro's primitives, read where they stand in the bytes and written directly: for the records that there are most of.

`read_...` takes the bytes and a place in them, and returns what stands there and the place behind it. Only the usual
spelling is read; for any other NotPlain is raised, or whatever Python raises, and fastavro is asked. A text that ends
behind the data leaves a place there: the reader of the whole record compares that with the end. `..._of` returns a
value's bytes.
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


# An Avro long is zigzag, 7 bits a byte, the lowest first; a byte that is not the last has its highest bit set.
# Two bytes are looked up at a time: times would take eight steps otherwise, in every head and transition.
_TWO_BYTES = 1 << 14


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
    data = b""
    while left >= _TWO_BYTES:
        data += _NOT_LAST[left & _TWO_BYTES - 1]
        left >>= 14
    return data + _LAST[left]


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
