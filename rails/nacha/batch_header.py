"""The company/batch header: who originates the entries of a batch, of which class, and when they shall settle."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from msgspec import Struct

from rails.nacha.codes import EntryClass, ServiceClass
from rails.nacha.layout import (
    DATE,
    DATE_DETAIL,
    DAY_OF_YEAR,
    DAY_OF_YEAR_DETAIL,
    Layout,
    constant,
    digits,
    matching,
    number,
    one_of,
    text,
    yymmdd,
)

SERVICE_CLASSES = tuple(str(each.value) for each in ServiceClass)


class BatchHeader(Struct, frozen=True, kw_only=True, tag="batch_header", tag_field="record"):
    """Record 5. The originating DFI is the first 8 digits of a routing number: of our bank, or in a batch of returns of
    the one that sends them. `settlement_day` (of the year, 1 to 366) is written by the ACH operator, never by us.
    """

    LAYOUT: ClassVar[Layout] = Layout(
        "batch_header",
        constant("record_type_code", 1, "5"),
        one_of("service_class_code", 2, 4, SERVICE_CLASSES),
        text("company_name", 5, 20, mandatory=True),
        text("company_discretionary_data", 21, 40),
        text("company_identification", 41, 50, mandatory=True),
        one_of("standard_entry_class_code", 51, 53, tuple(EntryClass)),
        text("company_entry_description", 54, 63, mandatory=True),
        text("company_descriptive_date", 64, 69),
        matching("effective_entry_date", 70, 75, DATE, DATE_DETAIL),
        matching(
            "settlement_date", 76, 78, f"{DAY_OF_YEAR}| {{3}}", f"{DAY_OF_YEAR_DETAIL}, or blank", mandatory=False
        ),
        matching("originator_status_code", 79, 79, "[012]", "must be 0, 1 or 2"),
        digits("originating_dfi_identification", 80, 87),
        number("batch_number", 88, 94),
    )

    service_class: ServiceClass
    company_name: str
    company_identification: str
    standard_entry_class: EntryClass
    company_entry_description: str
    effective_entry_date: date
    originating_dfi_identification: str
    batch_number: int
    company_discretionary_data: str = ""
    company_descriptive_date: str = ""
    settlement_day: int | None = None
    originator_status_code: int = 1

    def line(self, line_number: int) -> str:
        """Return the record; raises BrokenRecord."""
        values = (
            self.service_class.value,
            self.company_name,
            self.company_discretionary_data,
            self.company_identification,
            self.standard_entry_class.value,
            self.company_entry_description,
            self.company_descriptive_date,
            f"{self.effective_entry_date:%y%m%d}",
            "   " if self.settlement_day is None else f"{self.settlement_day:03d}",
            self.originator_status_code,
            self.originating_dfi_identification,
            self.batch_number,
        )
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def read(cls, line: str, line_number: int) -> BatchHeader:
        """Return the record of a line; raises BrokenRecord."""
        columns = cls.LAYOUT.columns(line, line_number)
        return cls(
            service_class=ServiceClass(int(columns[0])),
            company_name=columns[1].rstrip(" "),
            company_discretionary_data=columns[2].rstrip(" "),
            company_identification=columns[3].rstrip(" "),
            standard_entry_class=EntryClass(columns[4]),
            company_entry_description=columns[5].rstrip(" "),
            company_descriptive_date=columns[6].rstrip(" "),
            effective_entry_date=yymmdd(columns[7]),
            settlement_day=None if columns[8] == "   " else int(columns[8]),
            originator_status_code=int(columns[9]),
            originating_dfi_identification=columns[10],
            batch_number=int(columns[11]),
        )
