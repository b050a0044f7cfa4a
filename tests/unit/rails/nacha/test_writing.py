from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as other
from datetime import date
from typing import Any

import msgspec
import pytest

from rails.nacha.codes import ServiceClass, TransactionCode
from rails.nacha.contents import Batch, NachaFile
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.faults import InvalidNachaFile, Rule
from rails.nacha.writer import build_file, write_file
from tests.unit.rails.nacha.contents import HEADER, ODFI, batch_header, entry, nacha_file


def refusal(contents: NachaFile) -> tuple[int, str, Rule]:
    with pytest.raises(InvalidNachaFile) as refused:
        build_file(contents)
    fault = refused.value.fault
    return fault.line, fault.field, fault.rule


def one(**given: Any) -> NachaFile:
    return nacha_file(Batch(header=batch_header(), entries=(entry(**given),)))


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"amount_minor": 10_000_000_000}, "amount", Rule.WIDTH),
        ({"amount_minor": -1}, "amount", Rule.FORMAT),
        ({"amount_minor": 0}, "amount", Rule.ZERO_AMOUNT),
        ({"amount_minor": 150_000.5}, "amount_minor", Rule.READ_BACK),
        ({"account_number": "1" * 18}, "dfi_account_number", Rule.WIDTH),
        ({"account_number": ""}, "dfi_account_number", Rule.MANDATORY),
        ({"account_number": "12345 "}, "account_number", Rule.READ_BACK),
        ({"account_number": "123\n45"}, "dfi_account_number", Rule.CHARACTERS),
        ({"individual_name": "Zoë"}, "individual_name", Rule.CHARACTERS),
        ({"individual_name": "N" * 23}, "individual_name", Rule.WIDTH),
        ({"routing_number": "231380105"}, "check_digit", Rule.CHECK_DIGIT),
        ({"routing_number": "23138010"}, "check_digit", Rule.WIDTH),
        ({"trace_number": "231380100000001"}, "trace_number", Rule.TRACE_ODFI),
        ({"trace_number": "1"}, "trace_number", Rule.WIDTH),
    ],
)
def test_an_entry_that_no_reader_would_take_is_not_written(given: dict[str, Any], field: str, rule: Rule) -> None:
    assert refusal(one(**given)) == (3, field, rule)


@pytest.mark.parametrize(
    ("given", "line", "field", "rule"),
    [
        ({"company_name": "A" * 17}, 2, "company_name", Rule.WIDTH),
        ({"company_name": ""}, 2, "company_name", Rule.MANDATORY),
        ({"batch_number": 10_000_000}, 2, "batch_number", Rule.WIDTH),
        ({"batch_number": 0}, 2, "batch_number", Rule.BATCH_ORDER),
        ({"effective_entry_date": date(1999, 12, 31)}, 2, "effective_entry_date", Rule.READ_BACK),
        ({"settlement_day": 0}, 2, "settlement_date", Rule.FORMAT),
        ({"service_class": ServiceClass.CREDITS}, 3, "transaction_code", Rule.SERVICE_CLASS),
    ],
)
def test_a_batch_header_that_no_reader_would_take_is_not_written(
    given: dict[str, Any], line: int, field: str, rule: Rule
) -> None:
    contents = nacha_file(Batch(header=batch_header(**given), entries=(entry(),)))
    assert refusal(contents) == (line, field, rule)


def test_a_file_header_is_judged_too() -> None:
    wrong = other(one(), header=msgspec.structs.replace(HEADER, immediate_destination="091400605"))
    assert refusal(wrong) == (1, "immediate_destination", Rule.CHECK_DIGIT)


def test_nothing_empty_is_written() -> None:
    assert refusal(nacha_file()) == (2, "batch_count", Rule.BATCH_EMPTY)
    assert refusal(nacha_file(Batch(header=batch_header(), entries=()))) == (3, "record_type_code", Rule.BATCH_EMPTY)


def test_a_batch_whose_sum_outgrows_its_control_is_not_written() -> None:
    entries = (entry(n, amount_minor=9_999_999_999) for n in range(1, 102))
    contents = nacha_file(Batch(header=batch_header(), entries=entries))
    assert refusal(contents) == (104, "total_debit_entry_dollar_amount", Rule.WIDTH)


def test_the_hash_loses_what_outgrows_its_ten_digits() -> None:
    entries = tuple(entry(n, routing_number="999999992") for n in range(1, 102))
    lines = build_file(nacha_file(Batch(header=batch_header(), entries=entries))).decode("ascii").splitlines()
    assert lines[103][10:20] == f"{101 * 99_999_999 % 10**10:010d}"
    assert 101 * 99_999_999 > 10**10


def test_entries_are_taken_one_by_one() -> None:
    taken = 0

    def entries() -> Iterator[EntryDetail]:
        nonlocal taken
        for n in range(1, 5001):
            taken = n
            yield entry(n, transaction_code=TransactionCode.SAVINGS_CREDIT)

    pieces = write_file(nacha_file(Batch(header=batch_header(), entries=entries())))
    assert len(next(pieces)) == 95 * 1000
    assert taken < 1010
    assert len(b"".join(pieces)) == 95 * (5010 - 1000)


def test_an_account_number_is_not_in_the_repr() -> None:
    assert "987654321" not in repr(one())
    assert ODFI in repr(entry())
