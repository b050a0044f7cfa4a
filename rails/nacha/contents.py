"""What a file holds, without what follows from it: counts, hashes, sums and padding are made when it is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import Struct

from rails.nacha.addenda import BANK_DIGITS
from rails.nacha.batch_control import BatchControl
from rails.nacha.batch_header import BatchHeader
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.file_control import FileControl
from rails.nacha.file_header import FileHeader

SEQUENCE_MAX = 9_999_999

Record = FileHeader | BatchHeader | EntryDetail | BatchControl | FileControl


class Placed(Struct, frozen=True):
    """A record and the number of its line, from 1."""

    line: int
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A header and its entries, trace numbers ascending. The entries may be any iterable: it is gone through once."""

    header: BatchHeader
    entries: Iterable[EntryDetail]


@dataclass(frozen=True, slots=True, kw_only=True)
class NachaFile:
    """A header and its batches, batch numbers ascending. The batches may be any iterable as well."""

    header: FileHeader
    batches: Iterable[Batch]


def trace_number(originating_dfi: str, sequence: int) -> str:
    """Return the trace number of the `sequence`th entry (from 1) of a bank, given by 8 digits."""
    assert len(originating_dfi) == BANK_DIGITS, originating_dfi
    assert 0 < sequence <= SEQUENCE_MAX, sequence
    return f"{originating_dfi}{sequence:07d}"
