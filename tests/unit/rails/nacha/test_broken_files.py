"""Every kind of broken file is refused with the line, the field and the rule, by us and by the second opinion."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable

import pytest

from rails.nacha.faults import Fault, InvalidNachaFile, Rule
from rails.nacha.reader import examine, read_file
from rails.nacha.writer import build_file
from tests.contract.nacha_contents import GOLDEN
from tests.unit.rails.nacha.contents import faults_of
from tests.unit.rails.nacha.independent_checker import NINES, check

Lines = list[str]
Edit = Callable[[Lines], None]


def put(line: int, column: int, text: str) -> Edit:
    """Write `text` from a column of a line on, both from 1."""

    def edit(lines: Lines) -> None:
        before = lines[line - 1]
        lines[line - 1] = before[: column - 1] + text + before[column - 1 + len(text) :]

    return edit


def drop(first: int, last: int = 0) -> Edit:
    """Take lines away, the last one with them."""

    def edit(lines: Lines) -> None:
        del lines[first - 1 : last or first]

    return edit


def twice(line: int) -> Edit:
    return lambda lines: lines.insert(line, lines[line - 1])


def add(*more: str) -> Edit:
    return lambda lines: lines.extend(more)


def swap(line: int, other: int) -> Edit:
    def edit(lines: Lines) -> None:
        lines[line - 1], lines[other - 1] = lines[other - 1], lines[line - 1]

    return edit


def both(*edits: Edit) -> Edit:
    def edit(lines: Lines) -> None:
        for each in edits:
            each(lines)

    return edit


def shorten(line: int) -> Edit:
    def edit(lines: Lines) -> None:
        lines[line - 1] = lines[line - 1][:-1]

    return edit


def lengthen(line: int) -> Edit:
    def edit(lines: Lines) -> None:
        lines[line - 1] += " "

    return edit


def unpadded(lines: Lines) -> None:
    lines[:] = [line for line in lines if line != NINES]


# `payments`: 1 file header; 2 batch header (225, WEB), 3-4 and 5-6 entries with addenda 05, 7 batch control; 8 batch
# header (220, CCD), 9-12, 13 batch control; 14 file control; 15-20 padding.
# `prenotes`: 2 batch header (200), 3-6 entries, 7 batch control, 8 file control.
# `answers`: 2 batch header (WEB), 3-4 and 5-6 returns, 7; 8, 9-10 contested, 11; 12 batch header (COR), 13-14 change.
# `seconds`: 2, 3-4 dishonored, 5; 6, 7 reversal, 8; 9, 10 second presentment, 11; 12, 13 fee, 14.
# Why, which golden file, what is done to it, and the first fault: line, field, rule.
Broken = tuple[str, str, Edit, int, str, Rule]

SHAPE: list[Broken] = [
    ("a record is short", "payments", shorten(3), 3, "record", Rule.RECORD_LENGTH),
    ("a record is long", "payments", lengthen(14), 14, "record", Rule.RECORD_LENGTH),
    ("a line is empty", "payments", add(""), 21, "record", Rule.RECORD_LENGTH),
    ("no such record type", "payments", put(4, 1, "4"), 4, "record_type_code", Rule.RECORD_TYPE),
    ("an empty file", "payments", drop(1, 20), 1, "record_type_code", Rule.RECORD_ORDER),
    ("no file header", "payments", drop(1), 1, "record_type_code", Rule.RECORD_ORDER),
    ("a second file header", "payments", twice(1), 2, "record_type_code", Rule.RECORD_ORDER),
    ("no file control", "payments", drop(14, 20), 13, "record_type_code", Rule.RECORD_ORDER),
    ("padding first", "payments", swap(14, 15), 14, "record_type_code", Rule.RECORD_ORDER),
    ("no batch header", "payments", drop(8), 8, "record_type_code", Rule.RECORD_ORDER),
    ("no batch control", "payments", drop(7), 7, "record_type_code", Rule.RECORD_ORDER),
    ("no last batch control", "payments", drop(13), 13, "record_type_code", Rule.RECORD_ORDER),
    ("an empty batch", "prenotes", drop(3, 6), 3, "record_type_code", Rule.BATCH_EMPTY),
    ("a file without batches", "prenotes", drop(2, 7), 2, "batch_count", Rule.BATCH_EMPTY),
    ("addenda without an entry", "payments", drop(3), 3, "record_type_code", Rule.RECORD_ORDER),
    ("addenda twice", "payments", twice(4), 5, "record_type_code", Rule.ADDENDA_COUNT),
    ("addenda missing", "payments", both(unpadded, drop(4)), 3, "addenda_record_indicator", Rule.ADDENDA_INDICATOR),
    ("addenda not announced", "payments", put(3, 79, "0"), 3, "addenda_record_indicator", Rule.ADDENDA_INDICATOR),
    ("padding cut off", "payments", drop(20), 19, "padding", Rule.PADDING),
    ("a block of padding too many", "payments", add(*[NINES] * 10), 30, "padding", Rule.PADDING),
    (
        "a record behind the end",
        "payments",
        lambda lines: lines.append(lines[1]),
        21,
        "record_type_code",
        Rule.RECORD_ORDER,
    ),
]

FIELDS: list[Broken] = [
    ("priority code", "payments", put(1, 2, "02"), 1, "priority_code", Rule.CODE),
    ("destination not a routing number", "payments", put(1, 4, "0"), 1, "immediate_destination", Rule.FORMAT),
    ("destination's check digit", "payments", put(1, 13, "5"), 1, "immediate_destination", Rule.CHECK_DIGIT),
    ("origin left-justified", "payments", put(1, 14, "121042882 "), 1, "immediate_origin", Rule.FORMAT),
    ("30 February", "payments", put(1, 24, "260230"), 1, "file_creation_date", Rule.FORMAT),
    ("no file creation date", "payments", put(1, 24, " " * 6), 1, "file_creation_date", Rule.MANDATORY),
    ("24:00", "payments", put(1, 30, "2400"), 1, "file_creation_time", Rule.FORMAT),
    ("a small file id modifier", "payments", put(1, 34, "a"), 1, "file_id_modifier", Rule.FORMAT),
    ("record size", "payments", put(1, 35, "080"), 1, "record_size", Rule.CODE),
    ("blocking factor", "payments", put(1, 38, "01"), 1, "blocking_factor", Rule.CODE),
    ("format code", "payments", put(1, 40, "2"), 1, "format_code", Rule.CODE),
    ("a control character", "payments", put(1, 50, "\x07"), 1, "immediate_destination_name", Rule.CHARACTERS),
    ("a letter that is not ASCII", "payments", put(3, 57, "\xfc"), 3, "individual_name", Rule.CHARACTERS),
    ("no such service class", "payments", put(2, 2, "280"), 2, "service_class_code", Rule.CODE),
    ("no company name", "payments", put(2, 5, " " * 16), 2, "company_name", Rule.MANDATORY),
    ("no company identification", "payments", put(2, 41, " " * 10), 2, "company_identification", Rule.MANDATORY),
    ("another entry class", "payments", put(2, 51, "IAT"), 2, "standard_entry_class_code", Rule.CODE),
    ("no entry description", "payments", put(2, 54, " " * 10), 2, "company_entry_description", Rule.MANDATORY),
    ("no effective entry date", "payments", put(2, 70, "261301"), 2, "effective_entry_date", Rule.FORMAT),
    ("day 367", "payments", put(2, 76, "367"), 2, "settlement_date", Rule.FORMAT),
    ("originator status", "payments", put(2, 79, "3"), 2, "originator_status_code", Rule.FORMAT),
    ("a batch number with blanks", "payments", put(2, 88, " "), 2, "batch_number", Rule.FORMAT),
    ("a general ledger entry", "payments", put(3, 2, "47"), 3, "transaction_code", Rule.CODE),
    ("an amount with a point", "payments", put(3, 30, "0001500.00"), 3, "amount", Rule.FORMAT),
    ("a negative amount", "payments", put(3, 30, "-000150000"), 3, "amount", Rule.FORMAT),
    ("no account number", "payments", put(3, 13, " " * 17), 3, "dfi_account_number", Rule.MANDATORY),
    ("no name", "payments", put(3, 55, " " * 22), 3, "individual_name", Rule.MANDATORY),
    ("no trace number", "payments", put(3, 80, " " * 15), 3, "trace_number", Rule.FORMAT),
    ("no such addenda type", "payments", put(4, 2, "06"), 4, "addenda_type_code", Rule.CODE),
    ("addenda sequence", "payments", put(4, 84, "0002"), 4, "addenda_sequence_number", Rule.CODE),
    ("no such return code", "answers", put(4, 4, "R99"), 4, "return_reason_code", Rule.CODE),
    ("no such change code", "answers", put(14, 4, "C08"), 14, "change_code", Rule.CODE),
    ("no corrected data", "answers", put(14, 36, " " * 29), 14, "corrected_data", Rule.MANDATORY),
    ("reserved columns of a change", "answers", put(14, 70, "x"), 14, "reserved", Rule.FORMAT),
    ("reserved columns of a dishonored return", "seconds", put(4, 22, "0"), 4, "reserved", Rule.FORMAT),
    ("reserved columns of a batch control", "payments", put(7, 74, "x"), 7, "reserved", Rule.FORMAT),
    ("reserved columns of the file control", "payments", put(14, 94, "x"), 14, "reserved", Rule.FORMAT),
]

MEANING: list[Broken] = [
    ("check digit", "payments", put(3, 12, "5"), 3, "check_digit", Rule.CHECK_DIGIT),
    ("a credit among debits", "payments", put(3, 2, "22"), 3, "transaction_code", Rule.SERVICE_CLASS),
    ("a debit among credits", "payments", put(9, 2, "27"), 9, "transaction_code", Rule.SERVICE_CLASS),
    ("a prenote of money", "prenotes", put(4, 39, "1"), 4, "amount", Rule.ZERO_AMOUNT),
    ("a change that moves money", "answers", put(13, 39, "1"), 13, "amount", Rule.ZERO_AMOUNT),
    ("a debit of nothing", "payments", put(3, 30, "0" * 10), 3, "amount", Rule.ZERO_AMOUNT),
    ("another bank's trace number", "payments", put(3, 80, "2"), 3, "trace_number", Rule.TRACE_ODFI),
    ("the same trace number again", "prenotes", put(4, 94, "1"), 4, "trace_number", Rule.TRACE_ORDER),
    ("descending trace numbers", "prenotes", swap(4, 5), 5, "trace_number", Rule.TRACE_ORDER),
    ("another entry's addenda", "payments", put(4, 94, "2"), 4, "entry_detail_sequence_number", Rule.ADDENDA_TRACE),
    ("another return's addenda", "answers", put(4, 94, "2"), 4, "trace_number", Rule.ADDENDA_TRACE),
    ("a date of death for R01", "answers", put(4, 22, "261120"), 4, "date_of_death", Rule.DATE_OF_DEATH),
    ("a return without addenda 99", "payments", put(3, 2, "26"), 3, "transaction_code", Rule.ADDENDA_TYPE),
    ("a forward entry with addenda 99", "answers", put(3, 2, "27"), 3, "transaction_code", Rule.ADDENDA_TYPE),
    ("a change outside of COR", "answers", put(12, 51, "WEB"), 13, "transaction_code", Rule.ADDENDA_TYPE),
    ("a return inside of COR", "answers", put(8, 51, "COR"), 9, "amount", Rule.ZERO_AMOUNT),
    ("a return among debits", "payments", put(5, 2, "36"), 5, "transaction_code", Rule.BATCH_MIXED),
    ("batch numbers not ascending", "payments", put(8, 94, "1"), 8, "batch_number", Rule.BATCH_ORDER),
    ("batch number 0", "prenotes", put(2, 94, "0"), 2, "batch_number", Rule.BATCH_ORDER),
    ("control of another service class", "payments", put(7, 2, "200"), 7, "service_class_code", Rule.CONTROL_AGREES),
    ("control of another company", "payments", put(7, 45, "2"), 7, "company_identification", Rule.CONTROL_AGREES),
    ("control of another bank", "payments", put(7, 80, "2"), 7, "originating_dfi_identification", Rule.CONTROL_AGREES),
    ("control of another batch", "payments", put(7, 94, "2"), 7, "batch_number", Rule.CONTROL_AGREES),
    ("entries of a batch", "payments", put(7, 10, "5"), 7, "entry_addenda_count", Rule.ENTRY_ADDENDA_COUNT),
    ("hash of a batch", "payments", put(7, 20, "1"), 7, "entry_hash", Rule.ENTRY_HASH),
    ("an account at another bank", "payments", put(3, 4, "021000021"), 7, "entry_hash", Rule.ENTRY_HASH),
    ("debits of a batch", "payments", put(7, 32, "6"), 7, "total_debit_entry_dollar_amount", Rule.TOTAL_DEBIT),
    ("another amount", "payments", put(3, 39, "1"), 7, "total_debit_entry_dollar_amount", Rule.TOTAL_DEBIT),
    ("credits of a batch", "payments", put(13, 44, "6"), 13, "total_credit_entry_dollar_amount", Rule.TOTAL_CREDIT),
    ("batches of a file", "payments", put(14, 7, "3"), 14, "batch_count", Rule.BATCH_COUNT),
    ("blocks of a file", "payments", put(14, 13, "3"), 14, "block_count", Rule.BLOCK_COUNT),
    ("entries of a file", "payments", put(14, 21, "9"), 14, "entry_addenda_count", Rule.ENTRY_ADDENDA_COUNT),
    ("hash of a file", "payments", put(14, 31, "1"), 14, "entry_hash", Rule.ENTRY_HASH),
    ("debits of a file", "payments", put(14, 43, "6"), 14, "total_debit_entry_dollar_amount", Rule.TOTAL_DEBIT),
    ("credits of a file", "payments", put(14, 55, "6"), 14, "total_credit_entry_dollar_amount", Rule.TOTAL_CREDIT),
]
BROKEN = [*SHAPE, *FIELDS, *MEANING]


def broken(base: str, edit: Edit) -> bytes:
    lines = build_file(GOLDEN[base]()).decode("ascii").splitlines()
    edit(lines)
    return "".join(line + "\n" for line in lines).encode("latin-1")


@pytest.mark.parametrize(
    ("base", "edit", "line", "field", "rule"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN]
)
def test_it_is_refused_by_line_field_and_rule(base: str, edit: Edit, line: int, field: str, rule: Rule) -> None:
    data = broken(base, edit)
    with pytest.raises(InvalidNachaFile) as refused:
        read_file(io.BytesIO(data))
    fault = refused.value.fault
    assert (fault.line, fault.field, fault.rule) == (line, field, rule)
    assert (line, field) in check(data), "the second opinion names the same place"


def test_every_rule_of_reading_is_broken_here() -> None:
    # These two are of values that cannot be written (test_writing).
    assert {each[-1] for each in BROKEN} == set(Rule) - {Rule.WIDTH, Rule.READ_BACK}


@pytest.mark.parametrize(
    "edit",
    [
        shorten(3),
        shorten(4),
        put(3, 30, "x"),
        put(4, 84, "0002"),
        shorten(7),
        put(7, 5, "x"),
        put(2, 2, "280"),
        shorten(14),
    ],
)
def test_what_only_follows_from_a_lost_record_is_not_told(edit: Edit) -> None:
    assert len(faults_of(broken("payments", edit))) == 1


def test_every_fault_of_a_file_is_told_in_the_order_of_its_lines() -> None:
    edits = both(put(1, 38, "01"), put(3, 12, "5"), put(7, 20, "1"), put(13, 44, "6"), put(14, 13, "7"))
    assert [(fault.line, fault.rule) for fault in faults_of(broken("payments", edits))] == [
        (1, Rule.CODE),
        (3, Rule.CHECK_DIGIT),
        (7, Rule.ENTRY_HASH),
        (13, Rule.TOTAL_CREDIT),
    ]


def test_faults_do_not_quote_accounts_names_or_remittance_text() -> None:
    lines = build_file(GOLDEN["payments"]()).decode("ascii").splitlines()
    for column in range(1, 95):
        for line in (3, 4):
            told = " ".join(map(str, faults_of(broken("payments", put(line, column, "\t")))))
            assert not any(secret in told for secret in ("987654321", "Bob", "5555-4555"))
    assert "987654321" in lines[2]


def test_a_file_without_line_ends_is_refused_by_record() -> None:
    lines = broken("payments", put(3, 12, "5")).decode("ascii").splitlines()
    (fault,) = faults_of("".join(lines).encode("ascii"))
    assert (fault.line, fault.field, fault.rule) == (3, "check_digit", Rule.CHECK_DIGIT)


def test_a_line_that_never_ends_is_held_only_in_part() -> None:
    class Endless(io.BytesIO):
        """A first line and 64 MiB behind it without a line end."""

        given = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size > 0
            if self.given > 2**26:
                return b""
            data = (b"x" * 94 + b"\n" if not self.given else b"").ljust(size, b"x")
            self.given += len(data)
            return data

    tracemalloc.start()
    faults = [each for each in examine(Endless()) if isinstance(each, Fault)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [fault.rule for fault in faults][:2] == [Rule.RECORD_TYPE, Rule.RECORD_LENGTH]
    assert peak < 2**21
