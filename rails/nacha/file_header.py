"""The file header: which bank sends a file to which, and when it was made."""

from __future__ import annotations

from datetime import date, time
from typing import ClassVar

from msgspec import Struct

from rails.nacha.layout import DATE, DATE_DETAIL, Layout, constant, matching, text, yymmdd

DESTINATION_DETAIL = "must be a blank and a routing number of 9 digits"
ORIGIN_DETAIL = "must be right-justified: 10 characters, or a blank and 9"
TIME_DETAIL = "must be a time as HHMM, or blank"


class FileHeader(Struct, frozen=True, kw_only=True, tag="file_header", tag_field="record"):
    """Record 1. `file_id_modifier` tells the files of one day apart: A to Z, then 0 to 9."""

    LAYOUT: ClassVar[Layout] = Layout(
        "file_header",
        constant("record_type_code", 1, "1"),
        constant("priority_code", 2, "01"),
        matching("immediate_destination", 4, 13, " [0-9]{9}", DESTINATION_DETAIL),
        matching("immediate_origin", 14, 23, "[!-~]{10}| [!-~]{9}", ORIGIN_DETAIL),
        matching("file_creation_date", 24, 29, DATE, DATE_DETAIL),
        matching("file_creation_time", 30, 33, "(?:[01][0-9]|2[0-3])[0-5][0-9]| {4}", TIME_DETAIL, mandatory=False),
        matching("file_id_modifier", 34, 34, "[A-Z0-9]", "must be A to Z or 0 to 9"),
        constant("record_size", 35, "094"),
        constant("blocking_factor", 38, "10"),
        constant("format_code", 40, "1"),
        text("immediate_destination_name", 41, 63),
        text("immediate_origin_name", 64, 86),
        text("reference_code", 87, 94),
    )

    immediate_destination: str
    immediate_origin: str
    file_creation_date: date
    file_creation_time: time | None = None
    file_id_modifier: str = "A"
    immediate_destination_name: str = ""
    immediate_origin_name: str = ""
    reference_code: str = ""

    def line(self, line_number: int) -> str:
        """Return the record; raises BrokenRecord."""
        made_at = self.file_creation_time
        values = (
            f"{self.immediate_destination:>10}",
            f"{self.immediate_origin:>10}",
            f"{self.file_creation_date:%y%m%d}",
            "    " if made_at is None else f"{made_at:%H%M}",
            self.file_id_modifier,
            self.immediate_destination_name,
            self.immediate_origin_name,
            self.reference_code,
        )
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def read(cls, line: str, line_number: int) -> FileHeader:
        """Return the record of a line; raises BrokenRecord."""
        destination, origin, made_on, made_at, modifier, *names = cls.LAYOUT.columns(line, line_number)
        return cls(
            immediate_destination=destination[1:],
            immediate_origin=origin.removeprefix(" "),
            file_creation_date=yymmdd(made_on),
            file_creation_time=None if made_at == "    " else time(int(made_at[:2]), int(made_at[2:])),
            file_id_modifier=modifier,
            immediate_destination_name=names[0].rstrip(" "),
            immediate_origin_name=names[1].rstrip(" "),
            reference_code=names[2].rstrip(" "),
        )
