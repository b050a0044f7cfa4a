"""How a record is laid out: 94 columns, each of one field. The same table reads a record and writes it.

A record that keeps its layout costs one compiled match; only one that does not is looked at field by field.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from rails.nacha.faults import Fault, Rule

RECORD_LENGTH = 94

# Nacha's alphameric characters, as far as every bank prints them: space to tilde, no control characters.
PRINTABLE = "[ -~]"

# YYMMDD of 2000 to 2099: the calendar in a pattern, so that what matches is a date.
DATE = (
    "(?:[0-9]{2}(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    "|02(?:0[1-9]|1[0-9]|2[0-8]))|(?:[02468][048]|[13579][26])0229)"
)
DATE_DETAIL = "must be a date as YYMMDD"
DAY_OF_YEAR = "(?:00[1-9]|0[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-6])"
DAY_OF_YEAR_DETAIL = "must be a day of the year, 001 to 366"

_NOT_PRINTABLE = re.compile("[^ -~]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: its columns, what may stand in them, and the printf form that writes its value."""

    name: str
    first: int
    last: int
    pattern: str
    detail: str
    rule: Rule = Rule.FORMAT
    form: str = "%s"
    varies: bool = True
    is_mandatory: bool = False

    @property
    def width(self) -> int:
        return self.last - self.first + 1

    def of(self, line: str) -> str:
        """Return the field's columns of a record."""
        return line[self.first - 1 : self.last]

    def fault(self, line_number: int, rule: Rule, detail: str) -> Fault:
        """Return a fault of this field."""
        return Fault(line=line_number, field=self.name, first=self.first, last=self.last, rule=rule, detail=detail)


def constant(name: str, first: int, text: str, rule: Rule = Rule.CODE) -> Field:
    """Return a field that always holds `text`."""
    last = first + len(text) - 1
    detail = f"must be {text!r}" if text.strip() else "must be blank"
    return Field(
        name=name,
        first=first,
        last=last,
        pattern=re.escape(text),
        rule=rule,
        form=text,
        varies=False,
        detail=detail,
    )


def blank(first: int, last: int) -> Field:
    """Return columns that Nacha reserves."""
    return constant("reserved", first, " " * (last - first + 1), Rule.FORMAT)


def number(name: str, first: int, last: int) -> Field:
    """Return a field of an integer, filled with zeros on the left."""
    width = last - first + 1
    detail = f"must be {width} digits, filled with zeros on the left"
    return Field(name=name, first=first, last=last, pattern=f"[0-9]{{{width}}}", form=f"%0{width}d", detail=detail)


def digits(name: str, first: int, last: int) -> Field:
    """Return a field of exactly as many digits as it has columns, kept as text: leading zeros count."""
    width = last - first + 1
    plural = "s" if width > 1 else ""
    return Field(
        name=name, first=first, last=last, pattern=f"[0-9]{{{width}}}", detail=f"must be {width} digit{plural}"
    )


def text(name: str, first: int, last: int, *, mandatory: bool = False) -> Field:
    """Return an alphameric field, left-justified and filled with blanks. Blanks on its left are kept: they count."""
    width = last - first + 1
    return Field(
        name=name,
        first=first,
        last=last,
        pattern=(f"(?! {{{width}}})" if mandatory else "") + f"{PRINTABLE}{{{width}}}",
        form=f"%-{width}s",
        detail=f"must be at most {width} printable ASCII characters",
        is_mandatory=mandatory,
    )


def matching(name: str, first: int, last: int, pattern: str, detail: str, *, mandatory: bool = True) -> Field:
    """Return a field of text that matches `pattern`, which has no groups that capture."""
    return Field(name=name, first=first, last=last, pattern=pattern, detail=detail, is_mandatory=mandatory)


def one_of(name: str, first: int, last: int, values: Collection[str], detail: str = "") -> Field:
    """Return a field that holds one of a few codes."""
    return Field(
        name=name,
        first=first,
        last=last,
        pattern="(?:" + "|".join(values) + ")",
        detail=detail or "must be one of " + ", ".join(values),
        rule=Rule.CODE,
        is_mandatory=True,
    )


def yymmdd(columns: str) -> date:
    """Return the date of 6 columns that match DATE."""
    return date(2000 + int(columns[:2]), int(columns[2:4]), int(columns[4:]))


_RECORD = text("record", 1, RECORD_LENGTH)


def length_fault(line: str, line_number: int) -> Fault:
    """Return the fault of a line that is too short or too long; where its fields are, nobody can tell."""
    detail = f"must have {RECORD_LENGTH} characters, has {'more' if len(line) > RECORD_LENGTH else 'fewer'}"
    return _RECORD.fault(line_number, Rule.RECORD_LENGTH, detail)


class BrokenRecord(Exception):
    """A record that does not keep its layout; `faults` has one for each field that does not."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


class Layout:
    """The fields of one kind of record, first to last, no column left out."""

    def __init__(self, name: str, *fields: Field) -> None:
        ends = [0, *(field.last for field in fields)]
        assert ends[-1] == RECORD_LENGTH, name
        assert all(field.first == end + 1 for field, end in zip(fields, ends, strict=False)), name
        self.name = name
        self.fields = {field.name: field for field in fields}
        self._ordered = fields
        self._varying = [field for field in fields if field.varies]
        self._pattern = re.compile("".join(f"({field.pattern})" if field.varies else field.pattern for field in fields))
        self._template = "".join(field.form for field in fields)

    def columns(self, line: str, line_number: int) -> tuple[str, ...]:
        """Return the text of the fields that vary, in their order, as it stands in the columns; raises BrokenRecord."""
        match = self._pattern.fullmatch(line)
        if match is None:
            raise BrokenRecord(tuple(self._faults(line, line_number)))
        return match.groups()

    def line(self, values: tuple[object, ...], line_number: int) -> str:
        """Return the record of these values; raises BrokenRecord when one is wider than its columns.

        What each field may hold is not judged here: whoever writes reads its line back.
        """
        line = self._template % values
        if len(line) != RECORD_LENGTH:
            raise BrokenRecord(tuple(self._too_wide(values, line_number)))
        return line

    def fault(self, line_number: int, field: str, rule: Rule, detail: str) -> Fault:
        """Return a fault of the field named `field`."""
        return self.fields[field].fault(line_number, rule, detail)

    def _faults(self, line: str, line_number: int) -> Iterator[Fault]:
        if len(line) != RECORD_LENGTH:
            yield length_fault(line, line_number)
            return
        for field in self._ordered:
            held = field.of(line)
            if re.fullmatch(field.pattern, held):
                continue
            strange = _NOT_PRINTABLE.search(held)
            if strange is not None:
                detail = f"column {field.first + strange.start()} is no printable ASCII character"
                yield field.fault(line_number, Rule.CHARACTERS, detail)
            elif field.is_mandatory and not held.strip():
                yield field.fault(line_number, Rule.MANDATORY, f"must not be blank; {field.detail}")
            else:
                yield field.fault(line_number, field.rule, field.detail)

    def _too_wide(self, values: tuple[object, ...], line_number: int) -> Iterator[Fault]:
        for field, value in zip(self._varying, values, strict=True):
            if len(field.form % value) != field.width:
                detail = f"has no room for this value: its width is {field.width}"
                yield field.fault(line_number, Rule.WIDTH, detail)
