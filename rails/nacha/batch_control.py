"""The company/batch control: what the batch before it adds up to."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from rails.nacha.batch_header import SERVICE_CLASSES, BatchHeader
from rails.nacha.codes import ServiceClass
from rails.nacha.layout import Layout, blank, constant, digits, number, one_of, text
from rails.nacha.totals import Totals


class BatchControl(Struct, frozen=True, kw_only=True, tag="batch_control", tag_field="record"):
    """Record 8. Amounts are in cents."""

    LAYOUT: ClassVar[Layout] = Layout(
        "batch_control",
        constant("record_type_code", 1, "8"),
        one_of("service_class_code", 2, 4, SERVICE_CLASSES),
        number("entry_addenda_count", 5, 10),
        number("entry_hash", 11, 20),
        number("total_debit_entry_dollar_amount", 21, 32),
        number("total_credit_entry_dollar_amount", 33, 44),
        text("company_identification", 45, 54, mandatory=True),
        text("message_authentication_code", 55, 73),
        blank(74, 79),
        digits("originating_dfi_identification", 80, 87),
        number("batch_number", 88, 94),
    )

    service_class: ServiceClass
    entry_addenda_count: int
    entry_hash: int
    total_debit_minor: int
    total_credit_minor: int
    company_identification: str
    originating_dfi_identification: str
    batch_number: int
    message_authentication_code: str = ""

    @classmethod
    def of_batch(cls, header: BatchHeader, totals: Totals) -> BatchControl:
        """Return the control record of a batch."""
        return cls(
            service_class=header.service_class,
            entry_addenda_count=totals.entry_addenda_count,
            entry_hash=totals.entry_hash,
            total_debit_minor=totals.debit_minor,
            total_credit_minor=totals.credit_minor,
            company_identification=header.company_identification,
            originating_dfi_identification=header.originating_dfi_identification,
            batch_number=header.batch_number,
        )

    def line(self, line_number: int) -> str:
        """Return the record; raises BrokenRecord."""
        values = (
            self.service_class.value,
            self.entry_addenda_count,
            self.entry_hash,
            self.total_debit_minor,
            self.total_credit_minor,
            self.company_identification,
            self.message_authentication_code,
            self.originating_dfi_identification,
            self.batch_number,
        )
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def read(cls, line: str, line_number: int) -> BatchControl:
        """Return the record of a line; raises BrokenRecord."""
        columns = cls.LAYOUT.columns(line, line_number)
        return cls(
            service_class=ServiceClass(int(columns[0])),
            entry_addenda_count=int(columns[1]),
            entry_hash=int(columns[2]),
            total_debit_minor=int(columns[3]),
            total_credit_minor=int(columns[4]),
            company_identification=columns[5].rstrip(" "),
            message_authentication_code=columns[6].rstrip(" "),
            originating_dfi_identification=columns[7],
            batch_number=int(columns[8]),
        )
