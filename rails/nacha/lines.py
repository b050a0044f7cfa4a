"""A file's records, one by one, from a stream of bytes: lines of 94, or 94 after 94 without line ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from rails.nacha.layout import RECORD_LENGTH

CHUNK_BYTES = 64 * 1024
BLOCK_BYTES = 940
# Longer lines are no records; only so much of them is kept as shows that they are too long.
LINE_BYTES_KEPT = 2 * RECORD_LENGTH


def read_lines(file: BinaryIO) -> Iterator[str]:
    """Yield the records of `file`, without their line ends (LF or CRLF), holding one chunk of it at a time.

    A file whose first block of 940 bytes has no line end (but perhaps one behind the last record) has none at all:
    it is cut every 94 bytes. Bytes become characters one to one, so that columns are bytes.
    """
    head = file.read(BLOCK_BYTES)
    body = head[:-1] if len(head) < BLOCK_BYTES and head.endswith(b"\n") else head
    has_lines = b"\n" in body or len(body) <= RECORD_LENGTH + 1
    yield from (_by_line_end if has_lines else _by_length)(file, head)


def _by_line_end(file: BinaryIO, head: bytes) -> Iterator[str]:
    rest = head.decode("latin-1")
    while chunk := file.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk.decode("latin-1")).split("\n")
        for line in lines:
            yield line.removesuffix("\r")
        if len(rest) > LINE_BYTES_KEPT:
            rest = rest[:LINE_BYTES_KEPT]
    *lines, rest = rest.split("\n")
    for line in lines:
        yield line.removesuffix("\r")
    if rest:
        yield rest.removesuffix("\r")


def _by_length(file: BinaryIO, head: bytes) -> Iterator[str]:
    rest = head.decode("latin-1")
    while chunk := file.read(CHUNK_BYTES):
        rest += chunk.decode("latin-1")
        whole = len(rest) - len(rest) % RECORD_LENGTH
        # The last record is kept back, because a line end may follow it.
        whole = whole - RECORD_LENGTH if whole == len(rest) else whole
        for start in range(0, whole, RECORD_LENGTH):
            yield rest[start : start + RECORD_LENGTH]
        rest = rest[whole:]
    rest = rest.removesuffix("\n").removesuffix("\r")
    for start in range(0, len(rest), RECORD_LENGTH):
        yield rest[start : start + RECORD_LENGTH]
