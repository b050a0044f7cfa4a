"""The rows of the table: a line each, split into cells by column."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from reconciliation.statements.amounts import minor_units
from reconciliation.statements.csv_table.columns import COLUMNS, KINDS, WIDTHS, Kind
from reconciliation.statements.faults import BrokenText, InvalidStatement, Rule, refused
from reconciliation.statements.values import Direction

T = TypeVar("T")

_DIRECTIONS = {each.value: each for each in Direction}
_REVERSALS = {"": False, "no": False, "yes": True}


class Row:
    """A row and its cells; whatever is asked for and is not as it must be raises InvalidStatement."""

    def __init__(self, line: int, cells: dict[str, str]) -> None:
        self.line = line
        self._cells = cells
        self.name = cells["row"]
        if self.name not in KINDS:
            raise self.refused("row", Rule.CODE, "must be " + ", ".join(KINDS))
        self.kind: Kind = KINDS[self.name]
        for column in COLUMNS[1:]:
            if column in self.kind.must and not cells[column]:
                raise self.refused(column, Rule.MANDATORY, "must not be empty")
            if cells[column] and column not in self.kind.must | self.kind.may:
                raise self.refused(column, Rule.FORMAT, f"must be empty in a row {self.name}")
            if len(cells[column]) > WIDTHS[column]:
                raise self.refused(column, Rule.WIDTH, f"must have at most {WIDTHS[column]} characters")

    def text(self, column: str) -> str | None:
        """Return a cell, if it is not empty."""
        return self._cells[column] or None

    def need(self, column: str) -> str:
        """Return a cell that a row of this kind must fill."""
        assert column in self.kind.must, column
        return self._cells[column]

    def read(self, column: str, reader: Callable[[str], T]) -> T:
        """Return what `reader` makes of a cell that must be filled."""
        try:
            return reader(self.need(column))
        except BrokenText as broken:
            raise broken.at(self.line, column) from None

    def read_optional(self, column: str, reader: Callable[[str], T]) -> T | None:
        """Return what `reader` makes of a cell, if it is not empty."""
        text = self.text(column)
        try:
            return None if text is None else reader(text)
        except BrokenText as broken:
            raise broken.at(self.line, column) from None

    def direction(self) -> Direction:
        """Return the direction of the row's amount."""
        if self._cells["direction"] not in _DIRECTIONS:
            raise self.refused("direction", Rule.CODE, "must be credit or debit")
        return _DIRECTIONS[self._cells["direction"]]

    def amount_minor(self, currency: str) -> int | None:
        """Return the row's amount without its direction, if it has one."""
        return self.read_optional("amount", lambda text: minor_units(text, currency))

    def signed_minor(self, currency: str) -> int | None:
        """Return the row's amount, a credit positive, if it has one."""
        amount_minor = self.amount_minor(currency)
        return None if amount_minor is None else self.direction().signed(amount_minor)

    def is_reversal(self) -> bool:
        """Tell whether the row is marked as a reversal."""
        if self._cells["reversal"] not in _REVERSALS:
            raise self.refused("reversal", Rule.CODE, "must be yes, no or empty")
        return _REVERSALS[self._cells["reversal"]]

    def refused(self, column: str, rule: Rule, detail: str) -> InvalidStatement:
        """Return the refusal of a cell."""
        return refused(self.line, column, rule, detail)


def read_rows(lines: Iterable[tuple[int, str]]) -> Iterator[Row]:
    """Yield the rows behind the header; raises InvalidStatement. Empty lines pass; a cell cannot hold a line end."""
    for number, line in lines:
        if number == 1:
            _check_header(line)
        elif line:
            yield Row(number, dict(zip(COLUMNS, _cells(number, line), strict=True)))


def _check_header(line: str) -> None:
    if tuple(_cells(1, line.removeprefix("\ufeff"))) != COLUMNS:
        raise refused(1, "header", Rule.FORMAT, "must be " + ",".join(COLUMNS))


def _cells(number: int, line: str) -> list[str]:
    try:
        cells = [cell.strip(" ") for cell in next(csv.reader([line], strict=True))]
    except csv.Error:
        raise refused(number, "row", Rule.FORMAT, "must be cells with commas between them, quoted whole") from None
    if len(cells) != len(COLUMNS):
        raise refused(number, "row", Rule.FORMAT, f"must have {len(COLUMNS)} cells, has {len(cells)}")
    return cells
