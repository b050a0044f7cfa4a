"""What is wrong with a Nacha file, and where: the line, the field with its columns, and the rule that it breaks."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Rule(StrEnum):
    """The rules of a file, by the names that `directpay nacha check` prints; docs/ach.md explains each."""

    # Of one record.
    RECORD_LENGTH = "record-length"
    RECORD_TYPE = "record-type"
    CHARACTERS = "characters"
    MANDATORY = "mandatory"
    FORMAT = "format"
    CODE = "code"
    WIDTH = "width"
    CHECK_DIGIT = "check-digit"
    READ_BACK = "read-back"
    # Of the order of records.
    RECORD_ORDER = "record-order"
    BATCH_ORDER = "batch-order"
    BATCH_EMPTY = "batch-empty"
    BATCH_MIXED = "batch-mixed"
    TRACE_ORDER = "trace-order"
    PADDING = "padding"
    # Of what belongs together.
    SERVICE_CLASS = "service-class"
    ZERO_AMOUNT = "zero-amount"
    TRACE_ODFI = "trace-odfi"
    ADDENDA_INDICATOR = "addenda-indicator"
    ADDENDA_COUNT = "addenda-count"
    ADDENDA_TYPE = "addenda-type"
    ADDENDA_TRACE = "addenda-trace"
    DATE_OF_DEATH = "date-of-death"
    CONTROL_AGREES = "control-agrees"
    # Of the sums in control records.
    ENTRY_ADDENDA_COUNT = "entry-addenda-count"
    ENTRY_HASH = "entry-hash"
    TOTAL_DEBIT = "total-debit"
    TOTAL_CREDIT = "total-credit"
    BATCH_COUNT = "batch-count"
    BLOCK_COUNT = "block-count"


class Fault(Struct, frozen=True, kw_only=True):
    """One rule broken on one line (from 1) in one field (columns `first` to `last`, from 1).

    `detail` says what would be right. It never quotes account numbers, names or remittance text: it may be logged.
    """

    line: int
    field: str
    first: int
    last: int
    rule: Rule
    detail: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field} (columns {self.first}-{self.last}), {self.rule}: {self.detail}"


class InvalidNachaFile(Exception):
    """A file that breaks a rule; `fault` is the first one found."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault
