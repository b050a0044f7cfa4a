"""What one element of a statement was found to hold, and how its values are asked for: by path, or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple, TypeVar

from reconciliation.statements.amounts import check_currency, minor_units
from reconciliation.statements.camt.elements import Block, Leaf
from reconciliation.statements.days import xml_day, xml_time_day
from reconciliation.statements.faults import BrokenText, InvalidStatement, Rule, refused
from reconciliation.statements.values import Direction

T = TypeVar("T")

# Of a leaf that repeats: lines of text. A payment has a few.
REPEATS_MAX = 100

_DIRECTIONS = {"CRDT": Direction.CREDIT, "DBIT": Direction.DEBIT}


class Place(NamedTuple):
    """Where an element begins; both from 1."""

    line: int
    column: int


class Value(NamedTuple):
    """The text of a leaf, its currency where it has one, and its place."""

    text: str
    currency: str | None
    place: Place


class Gathered:
    """One block and its values. Whatever is asked for and is not as it must be raises InvalidStatement."""

    def __init__(self, block: Block, place: Place) -> None:
        self.block = block
        self.place = place
        self._values: dict[str, list[Value]] = {}

    def add(self, leaf: Leaf, value: Value) -> None:
        """Keep a value of one of the block's leaves."""
        held = self._values.setdefault(leaf.path, [])
        if held and not leaf.repeats:
            raise self.refused(leaf.path, Rule.REPEATED, "must stand once", value)
        if len(held) == REPEATS_MAX:
            raise self.refused(leaf.path, Rule.TOO_LARGE, f"must stand at most {REPEATS_MAX} times", value)
        held.append(value)

    def one(self, path: str) -> Value | None:
        """Return the value at `path`, if there is one; the first of several."""
        held = self._values.get(path)
        return held[0] if held else None

    def need(self, path: str) -> Value:
        """Return the value at `path`."""
        value = self.one(path)
        if value is None:
            raise self.refused(path, Rule.MANDATORY, "must be there")
        return value

    def text(self, path: str) -> str | None:
        """Return the text at `path`, if there is any."""
        value = self.one(path)
        return None if value is None else value.text

    def texts(self, path: str) -> list[str]:
        """Return the texts of a leaf that repeats."""
        return [value.text for value in self._values.get(path, ())]

    def read(self, path: str, reader: Callable[[str], T]) -> T | None:
        """Return what `reader` makes of the text at `path`, if there is any."""
        value = self.one(path)
        if value is None:
            return None
        try:
            return reader(value.text)
        except BrokenText as broken:
            raise self.refused(path, broken.rule, broken.detail, value) from None

    def day(self, path: str) -> date | None:
        """Return the day of a choice between a day and a time (`path`/Dt, `path`/DtTm)."""
        return self.read(f"{path}/Dt", xml_day) or self.read(f"{path}/DtTm", xml_time_day)

    def direction(self, path: str) -> Direction:
        """Return the direction at `path`."""
        value = self.need(path)
        if value.text not in _DIRECTIONS:
            raise self.refused(path, Rule.CODE, "must be CRDT or DBIT", value)
        return _DIRECTIONS[value.text]

    def currency(self, path: str) -> str:
        """Return the currency of the amount at `path`."""
        value = self.need(path)
        if value.currency is None:
            raise self.refused(f"{path}/@Ccy", Rule.MANDATORY, "must be there", value)
        try:
            return check_currency(value.currency)
        except BrokenText as broken:
            raise self.refused(f"{path}/@Ccy", broken.rule, broken.detail, value) from None

    def amount_minor(self, path: str, currency: str) -> int:
        """Return the minor units of the amount at `path`, which must be in `currency`."""
        if self.currency(path) != currency:
            detail = f"must be {currency}, the statement's currency"
            raise self.refused(f"{path}/@Ccy", Rule.CURRENCY_AGREES, detail, self.one(path))
        amount_minor = self.read(path, lambda text: minor_units(text, currency))
        assert amount_minor is not None
        return amount_minor

    def refused(self, path: str, rule: Rule, detail: str, value: Value | None = None) -> InvalidStatement:
        """Return the refusal of what stands at `path`, of the block itself when that is empty: at the value's place, or
        where the block begins."""
        place = self.place if value is None else value.place
        field = f"{self.block.field}/{path}" if path else self.block.field
        return refused(place.line, field, rule, detail, place.column)
