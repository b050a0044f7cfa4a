"""Reads a bank statement, whichever of the formats it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from reconciliation.statements.bai2.reader import read_bai2
from reconciliation.statements.camt.reader import read_camt
from reconciliation.statements.csv_table.reader import read_csv
from reconciliation.statements.faults import Rule, refused
from reconciliation.statements.values import Placed

CHUNK_BYTES = 64 * 1024
# Enough to tell the formats apart, behind a byte order mark and blanks.
HEAD_BYTES = 1024

Reader = Callable[[Iterable[bytes]], Iterator[Placed]]


def read_statements(file: BinaryIO) -> Iterator[Placed]:
    """Yield the parts of the statements in `file`: each a Statement, its Entries and a StatementEnd.

    The format is found out: camt.053.001.02, .04 or .08, BAI2, or our CSV table. Raises InvalidStatement at the first
    rule that is broken. Memory does not grow with the file, but for one entry with its batch. What a file adds up to is
    known at its end only: act on entries when the iteration has ended.
    """
    chunks = _chunks(file)
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    yield from _reader_of(head)(chain([head], chunks))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _reader_of(head: bytes) -> Reader:
    # UTF-16 as well: XML may be written in it.
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return read_camt
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    for beginning, reader in ((b"<", read_camt), (b"01,", read_bai2), (b"row,", read_csv)):
        if text.startswith(beginning):
            return reader
    detail = "must be camt.053 (XML), BAI2 (a record 01 first) or the CSV table (its header first)"
    raise refused(1, "file", Rule.UNKNOWN_FORMAT, detail)
