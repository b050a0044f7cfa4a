"""The fields of one BAI2 record, taken one after the other: how many there are is known only by reading them.

Commas delimit fields and a slash ends them; a record that has more goes on with its next field on a continuation line.
The text that ends a record 16 is different: it may hold commas and slashes, and ends with its line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reconciliation.statements.bai2.records import Record
from reconciliation.statements.faults import BrokenText, InvalidStatement, Rule, refused

T = TypeVar("T")


class Fields:
    """Reads a record from left to right; whatever is not as it must be raises InvalidStatement.

    Faults name a field as `16/amount`, on the line on which it stands. Fields that are left out at the end are empty.
    """

    def __init__(self, record: Record) -> None:
        self._code = record.code
        self._pieces = list(reversed(record.pieces))
        self.line = record.line
        self._rest: str | None = None

    @property
    def has_more(self) -> bool:
        """Whether a field is left."""
        return self._rest is not None or bool(self._pieces)

    def text(self, name: str) -> str:
        """Take the next field, without blanks around it."""
        if self._rest is None and self._pieces:
            piece = self._pieces.pop()
            self.line, self._rest = piece.line, piece.text
        if self._rest is None:
            return ""
        field, comma, rest = self._rest.partition(",")
        if comma:
            self._rest = rest
            return field.strip(" ")
        self._rest = None
        if not field.endswith("/"):
            raise self.refused(name, Rule.FORMAT, "the fields of a line must end with a slash")
        return field[:-1].strip(" ")

    def need(self, name: str) -> str:
        """Take the next field, which must not be empty."""
        text = self.text(name)
        if not text:
            raise self.refused(name, Rule.MANDATORY, "must not be empty")
        return text

    def read(self, name: str, reader: Callable[[str], T]) -> T:
        """Take the next field, which must not be empty, and return what `reader` makes of it."""
        text = self.need(name)
        try:
            return reader(text)
        except BrokenText as broken:
            raise broken.at(self.line, self.name_of(name)) from None

    def read_optional(self, name: str, reader: Callable[[str], T]) -> T | None:
        """Take the next field, and return what `reader` makes of it unless it is empty."""
        text = self.text(name)
        try:
            return reader(text) if text else None
        except BrokenText as broken:
            raise broken.at(self.line, self.name_of(name)) from None

    def free_text(self) -> str:
        """Take all that is left as text, its lines joined by blanks. Many banks end text with a slash, which is cut."""
        texts = [] if self._rest is None else [self._rest]
        texts += [piece.text for piece in reversed(self._pieces)]
        self._rest, self._pieces = None, []
        return " ".join(filter(None, (text.removesuffix("/").rstrip(" ") for text in texts)))

    def end(self) -> None:
        """Check that nothing is left."""
        if self.has_more and self.text("end"):
            raise self.refused("end", Rule.FORMAT, "must have no more fields")

    def refused(self, name: str, rule: Rule, detail: str) -> InvalidStatement:
        """Return the refusal of the field that was taken last."""
        return refused(self.line, self.name_of(name), rule, detail)

    def name_of(self, name: str) -> str:
        """Return a field's name in faults."""
        return f"{self._code}/{name}"
