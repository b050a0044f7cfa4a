"""The file control: what all batches of a file add up to."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from rails.nacha.layout import RECORD_LENGTH, Layout, blank, constant, number
from rails.nacha.totals import Totals

BLOCKING_FACTOR = 10
PADDING = "9" * RECORD_LENGTH
PADDING_FIELD = constant("padding", 1, PADDING)


class FileControl(Struct, frozen=True, kw_only=True, tag="file_control", tag_field="record"):
    """Record 9. A block is 10 records, the file header and this record among them, the last one padded with 9s."""

    LAYOUT: ClassVar[Layout] = Layout(
        "file_control",
        constant("record_type_code", 1, "9"),
        number("batch_count", 2, 7),
        number("block_count", 8, 13),
        number("entry_addenda_count", 14, 21),
        number("entry_hash", 22, 31),
        number("total_debit_entry_dollar_amount", 32, 43),
        number("total_credit_entry_dollar_amount", 44, 55),
        blank(56, 94),
    )

    batch_count: int
    block_count: int
    entry_addenda_count: int
    entry_hash: int
    total_debit_minor: int
    total_credit_minor: int

    @classmethod
    def of_file(cls, batch_count: int, line_number: int, totals: Totals) -> FileControl:
        """Return the control record that stands on line `line_number`, the last before the padding."""
        return cls(
            batch_count=batch_count,
            block_count=blocks(line_number),
            entry_addenda_count=totals.entry_addenda_count,
            entry_hash=totals.entry_hash,
            total_debit_minor=totals.debit_minor,
            total_credit_minor=totals.credit_minor,
        )

    def line(self, line_number: int) -> str:
        """Return the record; raises BrokenRecord."""
        values = (
            self.batch_count,
            self.block_count,
            self.entry_addenda_count,
            self.entry_hash,
            self.total_debit_minor,
            self.total_credit_minor,
        )
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def read(cls, line: str, line_number: int) -> FileControl:
        """Return the record of a line; raises BrokenRecord."""
        columns = cls.LAYOUT.columns(line, line_number)
        return cls(
            batch_count=int(columns[0]),
            block_count=int(columns[1]),
            entry_addenda_count=int(columns[2]),
            entry_hash=int(columns[3]),
            total_debit_minor=int(columns[4]),
            total_credit_minor=int(columns[5]),
        )


def blocks(records: int) -> int:
    """Return how many blocks of 10 these records fill or begin."""
    return -(-records // BLOCKING_FACTOR)
