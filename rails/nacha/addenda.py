"""The addenda record behind an entry: what is said of it. Each kind has a layout of its own.

Every one but the first is about an earlier entry, which it names by that entry's trace number (`original_trace_number`)
and by the bank that it was for (`original_receiving_dfi`, 8 digits).
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from rails.nacha.faults import Rule
from rails.nacha.layout import (
    RECORD_LENGTH,
    BrokenRecord,
    Layout,
    blank,
    constant,
    digits,
    length_fault,
    one_of,
    text,
)
from rails.nacha.return_addenda import ContestedReturn, DishonoredReturn, Return
from rails.nacha.return_codes import CHANGE_REASONS, CONTESTED_REASONS, DISHONORED_REASONS

BANK_DIGITS = 8  # Of a trace number's 15; the rest is a sequence.


class PaymentInformation(Struct, frozen=True, kw_only=True, tag="payment_information", tag_field="kind"):
    """Addenda 05: up to 80 characters for the receiver. Its place behind the entry is not kept: it is the only one."""

    LAYOUT: ClassVar[Layout] = Layout(
        "payment_information",
        constant("record_type_code", 1, "7"),
        constant("addenda_type_code", 2, "05"),
        text("payment_related_information", 4, 83),
        constant("addenda_sequence_number", 84, "0001"),
        digits("entry_detail_sequence_number", 88, 94),
    )

    payment_related_information: str

    def line(self, trace_number: str, line_number: int) -> str:
        """Return the record behind the entry with this trace number; raises BrokenRecord."""
        values = (self.payment_related_information, trace_number[BANK_DIGITS:])
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def of(cls, columns: tuple[str, ...]) -> PaymentInformation:
        """Return the record of the columns that vary."""
        return cls(payment_related_information=columns[0].rstrip(" "))


class NotificationOfChange(Struct, frozen=True, kw_only=True, tag="notification_of_change", tag_field="kind"):
    """Addenda 98: the receiving bank says what was wrong with an entry that it posted, and what would be right."""

    LAYOUT: ClassVar[Layout] = Layout(
        "notification_of_change",
        constant("record_type_code", 1, "7"),
        constant("addenda_type_code", 2, "98"),
        one_of("change_code", 4, 6, CHANGE_REASONS),
        digits("original_entry_trace_number", 7, 21),
        blank(22, 27),
        digits("original_receiving_dfi_identification", 28, 35),
        text("corrected_data", 36, 64, mandatory=True),
        blank(65, 79),
        digits("trace_number", 80, 94),
    )

    change_code: str
    original_trace_number: str
    original_receiving_dfi: str
    corrected_data: str

    def line(self, trace_number: str, line_number: int) -> str:
        """Return the record behind the entry with this trace number; raises BrokenRecord."""
        values = (
            self.change_code,
            self.original_trace_number,
            self.original_receiving_dfi,
            self.corrected_data,
            trace_number,
        )
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def of(cls, columns: tuple[str, ...]) -> NotificationOfChange:
        """Return the record of the columns that vary."""
        return cls(
            change_code=columns[0],
            original_trace_number=columns[1],
            original_receiving_dfi=columns[2],
            corrected_data=columns[3].rstrip(" "),
        )


Addenda = PaymentInformation | Return | DishonoredReturn | ContestedReturn | NotificationOfChange


def read_addenda(line: str, line_number: int) -> tuple[Addenda, str]:
    """Return a record 7 and its last field, which says behind which entry it belongs; raises BrokenRecord."""
    kind = _kind(line)
    if kind is None:
        if len(line) != RECORD_LENGTH:
            raise BrokenRecord((length_fault(line, line_number),))
        detail = "must be 05, 98 or 99"
        raise BrokenRecord((PaymentInformation.LAYOUT.fault(line_number, "addenda_type_code", Rule.CODE, detail),))
    columns = kind.LAYOUT.columns(line, line_number)
    return kind.of(columns), columns[-1]


def _kind(line: str) -> type[Addenda] | None:
    match line[1:3]:
        case "05":
            return PaymentInformation
        case "98":
            return NotificationOfChange
        case "99":
            if line[3:6] in DISHONORED_REASONS:
                return DishonoredReturn
            return ContestedReturn if line[3:6] in CONTESTED_REASONS else Return
        case _:
            return None
