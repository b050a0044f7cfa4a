"""Writes Nacha files: a pure function of their contents, so that a rebuilt file has the same bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

from rails.nacha.batch_control import BatchControl
from rails.nacha.contents import NachaFile, Placed, Record
from rails.nacha.examination import Examination
from rails.nacha.faults import Fault, InvalidNachaFile, Rule
from rails.nacha.file_control import BLOCKING_FACTOR, PADDING, FileControl
from rails.nacha.layout import RECORD_LENGTH, BrokenRecord

LINE_END = "\n"
LINES_AT_ONCE = 1000


def build_file(contents: NachaFile) -> bytes:
    """Return the file, padded to whole blocks; raises InvalidNachaFile, which names line and field."""
    return b"".join(write_file(contents))


def write_file(contents: NachaFile) -> Iterator[bytes]:
    """Yield the file in pieces of some 1000 lines; memory does not grow with it. Raises InvalidNachaFile."""
    written = _Writing().lines(contents)
    try:
        while lines := list(islice(written, LINES_AT_ONCE)):
            yield "".join(lines).encode("ascii")
    except BrokenRecord as broken:
        raise InvalidNachaFile(broken.faults[0]) from None


class _Writing:
    """Makes the lines and has each read back: what a reader would refuse or read as something else is not written."""

    def __init__(self) -> None:
        self._examination = Examination()
        self._unread: deque[Record] = deque()  # At most two: an entry is read when the record behind it comes.

    def lines(self, contents: NachaFile) -> Iterator[str]:
        examination = self._examination
        yield self._record(contents.header)
        for batch in contents.batches:
            yield self._record(batch.header)
            for entry in batch.entries:
                yield self._record(entry)
                if entry.addenda is not None:
                    yield self._line(entry.addenda.line(entry.trace_number, self._line_number))
            assert examination.batch is not None
            yield self._record(BatchControl.of_batch(batch.header, examination.batch.totals))
        yield self._record(FileControl.of_file(examination.batches, self._line_number, examination.totals))
        while examination.line_number % BLOCKING_FACTOR:
            yield self._line(PADDING)
        examination.end()
        self._compare()

    @property
    def _line_number(self) -> int:
        return self._examination.line_number + 1

    def _record(self, record: Record) -> str:
        self._unread.append(record)
        return self._line(record.line(self._line_number))

    def _line(self, line: str) -> str:
        self._examination.take(line)
        self._compare()
        return line + LINE_END

    def _compare(self) -> None:
        found = self._examination.found
        for each in found:
            if isinstance(each, Fault):
                raise InvalidNachaFile(each)
            record = self._unread.popleft()
            if each.record != record:
                raise InvalidNachaFile(_not_read_back(each, record))
        found.clear()


def _not_read_back(placed: Placed, record: Record) -> Fault:
    """Return what differs. Text that ends with blanks is the usual case: nobody could tell them from the filling."""
    differing = [name for name in record.__struct_fields__ if getattr(record, name) != getattr(placed.record, name)]
    return Fault(
        line=placed.line,
        field=", ".join(differing),
        first=1,
        last=RECORD_LENGTH,
        rule=Rule.READ_BACK,
        detail="cannot be told from another value once it is written",
    )
