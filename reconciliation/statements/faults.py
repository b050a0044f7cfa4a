"""What is wrong with a statement, and where: the line, the field, and the rule that it breaks."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Rule(StrEnum):
    """The rules of a statement; docs/statements.md explains each."""

    # Of the whole file.
    UNKNOWN_FORMAT = "unknown-format"
    TRUNCATED = "truncated"
    TOO_LARGE = "too-large"
    CHARACTERS = "characters"
    XML = "xml"
    DOCTYPE = "doctype"
    VERSION = "version"
    ORDER = "order"
    # Of one field.
    MANDATORY = "mandatory"
    REPEATED = "repeated"
    WIDTH = "width"
    FORMAT = "format"
    CODE = "code"
    DATE = "date"
    AMOUNT = "amount"
    MINOR_UNITS = "minor-units"
    CURRENCY = "currency"
    # Of what belongs together.
    CURRENCY_AGREES = "currency-agrees"
    PERIOD = "period"
    DUPLICATE = "duplicate"
    MISSING_BALANCE = "missing-balance"
    BALANCE = "balance"
    FUNDS = "funds"
    COUNT = "count"
    SUM = "sum"
    CONTROL_TOTAL = "control-total"
    RECORD_COUNT = "record-count"


class Fault(Struct, frozen=True, kw_only=True):
    """One rule broken on one line (from 1) in one field; `column` (from 1) for XML, which may be one long line.

    `detail` says what would be right. It never quotes account numbers, references or texts: it may be logged.
    """

    line: int
    field: str
    rule: Rule
    detail: str
    column: int | None = None

    def __str__(self) -> str:
        column = "" if self.column is None else f" (column {self.column})"
        return f"line {self.line}{column}, {self.field}, {self.rule}: {self.detail}"


class InvalidStatement(Exception):
    """A file that breaks a rule; `fault` is the first one found."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class BrokenText(Exception):
    """Text that is not what it should be, told by who knows the rule; who knows the place says it with `at`."""

    def __init__(self, rule: Rule, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail

    def at(self, line: int, field: str, column: int | None = None) -> InvalidStatement:
        """Return the refusal of a file that has this text there."""
        return refused(line, field, self.rule, self.detail, column)


def refused(line: int, field: str, rule: Rule, detail: str, column: int | None = None) -> InvalidStatement:
    """Return the refusal of a file."""
    return InvalidStatement(Fault(line=line, field=field, rule=rule, detail=detail, column=column))
