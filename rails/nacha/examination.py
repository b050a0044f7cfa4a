"""The rules of a file, checked record by record in bounded memory. Reader and writer both go through here.

What the writer makes is therefore judged by the rules that other people's files are judged by.
"""

from __future__ import annotations

from enum import Enum, auto

from rails.nacha.batch_examination import BatchExamination
from rails.nacha.batch_header import BatchHeader
from rails.nacha.contents import Placed
from rails.nacha.entry_detail import check_digit_fits
from rails.nacha.faults import Fault, Rule
from rails.nacha.file_control import BLOCKING_FACTOR, PADDING, PADDING_FIELD, FileControl, blocks
from rails.nacha.file_header import FileHeader
from rails.nacha.layout import RECORD_LENGTH, BrokenRecord, length_fault
from rails.nacha.totals import Totals

_HEADER = FileHeader.LAYOUT
_BATCH = BatchHeader.LAYOUT
_CONTROL = FileControl.LAYOUT


class Place(Enum):
    """How far the file has come; BATCHES is all between its header and its control."""

    START = auto()
    BATCHES = auto()
    END = auto()


class Examination:
    """Takes the records of a file in their order; `found` gathers what they give, for the caller to take away.

    Every fault is told, but those that only follow from another: once a record is lost, sums over it are not judged.
    """

    def __init__(self) -> None:
        self.found: list[Placed | Fault] = []
        self.line_number = 0
        self.totals = Totals()
        self.batches = 0
        self.batch: BatchExamination | None = None
        self._place = Place.START
        self._is_whole = True
        self._last_batch_number = 0
        self._padding = 0

    def take(self, line: str) -> None:
        """Take the next record, without its line end."""
        self.line_number += 1
        try:
            self._take_typed(line)
        except BrokenRecord as broken:
            self._lose(*broken.faults)

    def end(self) -> None:
        """Check what can be known only when no record is left."""
        if self._place is not Place.END:
            self._close_batch()
            self.line_number = max(self.line_number, 1)
            self._order_fault("the file ends without a file control record (9)")
        elif self._padding and (self._padding >= BLOCKING_FACTOR or self.line_number % BLOCKING_FACTOR):
            detail = "must fill the last block of 10 records and no more"
            self.found.append(PADDING_FIELD.fault(self.line_number, Rule.PADDING, detail))

    def _take_typed(self, line: str) -> None:
        match line[:1]:
            case "6":
                if batch := self._open_batch("an entry (6)"):
                    batch.take_entry(line, self.line_number)
            case "7":
                if batch := self._open_batch("an addenda record (7)"):
                    batch.take_addenda(line, self.line_number)
            case "5":
                self._take_batch_header(line)
            case "8":
                self._take_batch_control(line)
            case "1":
                self._take_file_header(line)
            case "9":
                if not line.strip("9"):
                    self._take_padding(line)
                else:
                    self._take_file_control(line)
            case _:
                self._take_untyped(line)

    def _take_untyped(self, line: str) -> None:
        if len(line) != RECORD_LENGTH:
            raise BrokenRecord((length_fault(line, self.line_number),))
        detail = "must be 1, 5, 6, 7, 8 or 9"
        raise BrokenRecord((_HEADER.fault(self.line_number, "record_type_code", Rule.RECORD_TYPE, detail),))

    def _take_file_header(self, line: str) -> None:
        if self._place is not Place.START:
            self._order_fault("a file has one file header (1), its first record")
            return
        self._place = Place.BATCHES
        header = FileHeader.read(line, self.line_number)
        if not check_digit_fits(header.immediate_destination):
            detail = "its check digit is wrong"
            self.found.append(_HEADER.fault(self.line_number, "immediate_destination", Rule.CHECK_DIGIT, detail))
        self.found.append(Placed(self.line_number, header))

    def _take_batch_header(self, line: str) -> None:
        self._require_batches("a batch header (5)")
        if self.batch is not None:
            self._order_fault("a batch header (5) inside of a batch: its batch control (8) is missing")
            self._is_whole = False
            self._close_batch()
        self.batch = batch = BatchExamination(self.found)
        header = BatchHeader.read(line, self.line_number)
        batch.begin(header)
        if header.batch_number <= self._last_batch_number:
            detail = "must be greater than that of the batch before, and than 0"
            self.found.append(_BATCH.fault(self.line_number, "batch_number", Rule.BATCH_ORDER, detail))
        self._last_batch_number = header.batch_number
        self.found.append(Placed(self.line_number, header))

    def _take_batch_control(self, line: str) -> None:
        batch = self._open_batch("a batch control (8)")
        if batch is None:
            return
        try:
            control = batch.take_control(line, self.line_number)
        finally:
            self._close_batch()
        self.found.append(Placed(self.line_number, control))

    def _take_file_control(self, line: str) -> None:
        self._require_batches("a file control (9)")
        if self.batch is not None:
            self._order_fault("a file control (9) inside of a batch: its batch control (8) is missing")
            self._is_whole = False
            self._close_batch()
        self._place = Place.END
        control = FileControl.read(line, self.line_number)
        if self._is_whole:
            self._check_sums(control)
        self.found.append(Placed(self.line_number, control))

    def _take_padding(self, line: str) -> None:
        if line != PADDING:
            raise BrokenRecord((length_fault(line, self.line_number),))
        if self._place is Place.END:
            self._padding += 1
        else:
            self._order_fault("a line of 9s must come after the file control (9)")

    def _check_sums(self, control: FileControl) -> None:
        if not self.batches:
            detail = "a file has at least one batch"
            self.found.append(_CONTROL.fault(self.line_number, "batch_count", Rule.BATCH_EMPTY, detail))
        totals = self.totals
        for field, rule, said, right in (
            ("batch_count", Rule.BATCH_COUNT, control.batch_count, self.batches),
            ("block_count", Rule.BLOCK_COUNT, control.block_count, blocks(self.line_number)),
            ("entry_addenda_count", Rule.ENTRY_ADDENDA_COUNT, control.entry_addenda_count, totals.entry_addenda_count),
            ("entry_hash", Rule.ENTRY_HASH, control.entry_hash, totals.entry_hash),
            ("total_debit_entry_dollar_amount", Rule.TOTAL_DEBIT, control.total_debit_minor, totals.debit_minor),
            ("total_credit_entry_dollar_amount", Rule.TOTAL_CREDIT, control.total_credit_minor, totals.credit_minor),
        ):
            if said != right:
                self.found.append(_CONTROL.fault(self.line_number, field, rule, f"is {said}; the file gives {right}"))

    def _require_batches(self, what: str) -> None:
        match self._place:
            case Place.START:
                self._order_fault(f"{what} without a file header (1) before it")
            case Place.END:
                self._order_fault(f"{what} after the file control (9)")
            case Place.BATCHES:
                return
        self._place = Place.BATCHES
        self._is_whole = False

    def _open_batch(self, what: str) -> BatchExamination | None:
        if self.batch is None:
            self._order_fault(f"{what} outside of a batch")
            self._is_whole = False
        return self.batch

    def _close_batch(self) -> None:
        batch, self.batch = self.batch, None
        if batch is None:
            return
        batch.close()
        self.batches += 1
        self._is_whole = self._is_whole and batch.is_whole
        self.totals.add(batch.totals)

    def _lose(self, *faults: Fault) -> None:
        self._is_whole = False
        if self.batch is not None:
            self.batch.lose()
        self.found += faults

    def _order_fault(self, detail: str) -> None:
        self.found.append(_HEADER.fault(self.line_number, "record_type_code", Rule.RECORD_ORDER, detail))
