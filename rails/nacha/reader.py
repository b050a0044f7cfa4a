"""Reads Nacha files as streams: every record and every fault, or the records until the first fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from rails.nacha.batch_control import BatchControl
from rails.nacha.batch_header import BatchHeader
from rails.nacha.contents import Batch, NachaFile, Placed
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.examination import Examination
from rails.nacha.faults import Fault, InvalidNachaFile
from rails.nacha.file_control import FileControl
from rails.nacha.file_header import FileHeader
from rails.nacha.lines import read_lines


def examine(file: BinaryIO) -> Iterator[Placed | Fault]:
    """Yield the records of `file` in their order, and between them every fault. Memory does not grow with the file."""
    examination = Examination()
    found = examination.found
    for line in read_lines(file):
        examination.take(line)
        if found:
            yield from found
            found.clear()
    examination.end()
    yield from found


def read_records(file: BinaryIO) -> Iterator[Placed]:
    """Yield the records of `file`; raises InvalidNachaFile at the first fault.

    What a file adds up to is known at its end only: act on entries when the file control has come.
    """
    for each in examine(file):
        if isinstance(each, Fault):
            raise InvalidNachaFile(each)
        yield each


def read_file(file: BinaryIO) -> NachaFile:
    """Return the contents of a whole file, all of it in memory; raises InvalidNachaFile."""
    header: FileHeader | None = None
    batches: list[Batch] = []
    batch_header: BatchHeader | None = None
    entries: list[EntryDetail] = []
    for placed in read_records(file):
        match placed.record:
            case FileHeader() as header:
                pass
            case BatchHeader() as batch_header:
                entries = []
            case EntryDetail() as entry:
                entries.append(entry)
            case BatchControl():
                assert batch_header is not None
                batches.append(Batch(header=batch_header, entries=tuple(entries)))
            case FileControl():
                pass
    assert header is not None
    return NachaFile(header=header, batches=tuple(batches))
