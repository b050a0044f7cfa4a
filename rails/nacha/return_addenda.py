"""The addenda records of returns, of returns that are not taken, and of those that are insisted on (addenda 99)."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from msgspec import Struct

from rails.nacha.layout import (
    DATE,
    DATE_DETAIL,
    DAY_OF_YEAR,
    DAY_OF_YEAR_DETAIL,
    Field,
    Layout,
    blank,
    constant,
    digits,
    matching,
    one_of,
    text,
    yymmdd,
)
from rails.nacha.return_codes import CONTESTED_REASONS, DISHONORED_REASONS, RETURN_REASONS


def day_of_year(name: str, first: int) -> Field:
    """Return a settlement date, which Nacha writes as a day of the year."""
    return matching(name, first, first + 2, DAY_OF_YEAR, DAY_OF_YEAR_DETAIL)


class Return(Struct, frozen=True, kw_only=True, tag="return", tag_field="kind"):
    """Addenda 99 of a return: the receiving bank sends an entry back."""

    LAYOUT: ClassVar[Layout] = Layout(
        "return",
        constant("record_type_code", 1, "7"),
        constant("addenda_type_code", 2, "99"),
        one_of("return_reason_code", 4, 6, RETURN_REASONS, "must be a return reason code: R01 to R36"),
        digits("original_entry_trace_number", 7, 21),
        matching("date_of_death", 22, 27, f"{DATE}| {{6}}", f"{DATE_DETAIL}, or blank", mandatory=False),
        digits("original_receiving_dfi_identification", 28, 35),
        text("addenda_information", 36, 79),
        digits("trace_number", 80, 94),
    )

    return_reason_code: str
    original_trace_number: str
    original_receiving_dfi: str
    date_of_death: date | None = None
    addenda_information: str = ""

    def line(self, trace_number: str, line_number: int) -> str:
        """Return the record behind the entry with this trace number; raises BrokenRecord."""
        values = (
            self.return_reason_code,
            self.original_trace_number,
            "      " if self.date_of_death is None else f"{self.date_of_death:%y%m%d}",
            self.original_receiving_dfi,
            self.addenda_information,
            trace_number,
        )
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def of(cls, columns: tuple[str, ...]) -> Return:
        """Return the record of the columns that vary."""
        return cls(
            return_reason_code=columns[0],
            original_trace_number=columns[1],
            date_of_death=None if columns[2] == "      " else yymmdd(columns[2]),
            original_receiving_dfi=columns[3],
            addenda_information=columns[4].rstrip(" "),
        )


class DishonoredReturn(Struct, frozen=True, kw_only=True, tag="dishonored_return", tag_field="kind"):
    """Addenda 99 of a dishonored return: the originating bank does not take a return. It names the return as well."""

    LAYOUT: ClassVar[Layout] = Layout(
        "dishonored_return",
        constant("record_type_code", 1, "7"),
        constant("addenda_type_code", 2, "99"),
        one_of("dishonored_return_reason_code", 4, 6, DISHONORED_REASONS),
        digits("original_entry_trace_number", 7, 21),
        blank(22, 27),
        digits("original_receiving_dfi_identification", 28, 35),
        blank(36, 38),
        digits("return_trace_number", 39, 53),
        day_of_year("return_settlement_date", 54),
        digits("return_reason_code", 57, 58),
        text("addenda_information", 59, 79),
        digits("trace_number", 80, 94),
    )

    dishonored_return_reason_code: str
    original_trace_number: str
    original_receiving_dfi: str
    return_trace_number: str
    return_settlement_day: int
    return_reason_code: str
    addenda_information: str = ""

    def line(self, trace_number: str, line_number: int) -> str:
        """Return the record behind the entry with this trace number; raises BrokenRecord."""
        values = (
            self.dishonored_return_reason_code,
            self.original_trace_number,
            self.original_receiving_dfi,
            self.return_trace_number,
            f"{self.return_settlement_day:03d}",
            self.return_reason_code.removeprefix("R"),
            self.addenda_information,
            trace_number,
        )
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def of(cls, columns: tuple[str, ...]) -> DishonoredReturn:
        """Return the record of the columns that vary."""
        return cls(
            dishonored_return_reason_code=columns[0],
            original_trace_number=columns[1],
            original_receiving_dfi=columns[2],
            return_trace_number=columns[3],
            return_settlement_day=int(columns[4]),
            return_reason_code=f"R{columns[5]}",
            addenda_information=columns[6].rstrip(" "),
        )


class ContestedReturn(Struct, frozen=True, kw_only=True, tag="contested_dishonored_return", tag_field="kind"):
    """Addenda 99 of a contested dishonored return: the receiving bank insists. It names all that went before."""

    LAYOUT: ClassVar[Layout] = Layout(
        "contested_dishonored_return",
        constant("record_type_code", 1, "7"),
        constant("addenda_type_code", 2, "99"),
        one_of("contested_return_reason_code", 4, 6, CONTESTED_REASONS),
        digits("original_entry_trace_number", 7, 21),
        matching("date_original_entry_returned", 22, 27, DATE, DATE_DETAIL),
        digits("original_receiving_dfi_identification", 28, 35),
        day_of_year("original_settlement_date", 36),
        digits("return_trace_number", 39, 53),
        day_of_year("return_settlement_date", 54),
        digits("return_reason_code", 57, 58),
        digits("dishonored_return_trace_number", 59, 73),
        day_of_year("dishonored_return_settlement_date", 74),
        digits("dishonored_return_reason_code", 77, 78),
        blank(79, 79),
        digits("trace_number", 80, 94),
    )

    contested_return_reason_code: str
    original_trace_number: str
    returned_on: date
    original_receiving_dfi: str
    original_settlement_day: int
    return_trace_number: str
    return_settlement_day: int
    return_reason_code: str
    dishonored_return_trace_number: str
    dishonored_return_settlement_day: int
    dishonored_return_reason_code: str

    def line(self, trace_number: str, line_number: int) -> str:
        """Return the record behind the entry with this trace number; raises BrokenRecord."""
        values = (
            self.contested_return_reason_code,
            self.original_trace_number,
            f"{self.returned_on:%y%m%d}",
            self.original_receiving_dfi,
            f"{self.original_settlement_day:03d}",
            self.return_trace_number,
            f"{self.return_settlement_day:03d}",
            self.return_reason_code.removeprefix("R"),
            self.dishonored_return_trace_number,
            f"{self.dishonored_return_settlement_day:03d}",
            self.dishonored_return_reason_code.removeprefix("R"),
            trace_number,
        )
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def of(cls, columns: tuple[str, ...]) -> ContestedReturn:
        """Return the record of the columns that vary."""
        return cls(
            contested_return_reason_code=columns[0],
            original_trace_number=columns[1],
            returned_on=yymmdd(columns[2]),
            original_receiving_dfi=columns[3],
            original_settlement_day=int(columns[4]),
            return_trace_number=columns[5],
            return_settlement_day=int(columns[6]),
            return_reason_code=f"R{columns[7]}",
            dishonored_return_trace_number=columns[8],
            dishonored_return_settlement_day=int(columns[9]),
            dishonored_return_reason_code=f"R{columns[10]}",
        )
