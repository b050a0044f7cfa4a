"""Files in the simulated bank's books: posted once, answered once, balanced, whatever comes twice."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from payments.calendar import DAY
from rails.ach.bank_answers import faults_of
from rails.ach.cut_offs import FILE_ID_MODIFIERS
from rails.nacha.addenda import NotificationOfChange
from rails.nacha.codes import EntryClass, TransactionCode
from rails.nacha.corrections import COLUMNS, read_correction
from rails.nacha.return_addenda import Return
from rails.nacha.return_codes import CHANGE_REASONS, RETURN_REASONS
from rails.simulated.ach.file_books import FileIdTaken, FileNameTaken
from tests.unit.rails.ach.written_log import at_us
from tests.unit.rails.ach_bank.sent_files import (
    CREDIT,
    MONDAY,
    TUESDAY_MORNING,
    Bank,
    debits_of,
    entries_of,
    sent,
)
from tests.unit.rails.nacha.contents import HEADER, RDFI, entry

LATER = at_us("2027-06-01 12:00")
COMPANY = "7890"  # The last four of the company's identification.


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    opened = Bank(tmp_path)
    yield opened
    opened.books.close()


def test_entries_are_posted_when_they_settle_and_not_before(bank: Bank) -> None:
    credit = entry(2, account_number="222222", amount_minor=40_000, transaction_code=CREDIT)
    bank.take(sent(*debits_of("111111"), credit))
    assert bank.files.next_due_us() == TUESDAY_MORNING
    bank.work(TUESDAY_MORNING - 1)
    assert bank.balances() == {COMPANY: 0, "1111": 0, "2222": 0}
    bank.work(TUESDAY_MORNING)
    assert bank.balances() == {COMPANY: 110_000, "1111": -150_000, "2222": 40_000}
    bank.work(LATER)
    assert bank.balances() == {COMPANY: 110_000, "1111": -150_000, "2222": 40_000}
    assert bank.files.next_due_us() is None
    assert bank.written() == []
    assert bank.is_balanced()


def test_the_same_file_again_changes_nothing_under_whatever_name_and_whenever(bank: Bank) -> None:
    data = sent(*debits_of("111111"))
    first = bank.take(data)
    assert first.is_new
    assert bank.take(data) == replace(first, is_new=False)
    bank.work(LATER)
    assert bank.take(data, name="again.ach", at=LATER) == replace(first, is_new=False)
    bank.work(LATER)
    assert bank.balances() == {COMPANY: 150_000, "1111": -150_000}
    assert bank.files.file("again.ach") is None
    assert bank.files.file("payments.ach") == data


def test_another_file_with_the_same_day_and_id_is_refused_and_leaves_no_trace(bank: Bank) -> None:
    bank.take(sent(*debits_of("111111")))
    with pytest.raises(FileIdTaken):
        bank.take(sent(*debits_of("222222")), name="other.ach")
    with pytest.raises(FileNameTaken):
        bank.take(sent(*debits_of("222222"), file_id="B"))
    bank.work(LATER)
    assert bank.balances() == {COMPANY: 150_000, "1111": -150_000}
    bank.take(sent(*debits_of("222222"), file_id="B"), name="other.ach", at=LATER)
    assert bank.books.totals()["ach_entries"] == 2


def test_the_books_refuse_to_post_an_entry_twice(bank: Bank, tmp_path: Path) -> None:
    bank.take(sent(*debits_of("111111")))
    bank.work(LATER)
    with sqlite3.connect(tmp_path / "books.sqlite", isolation_level=None) as other:
        other.execute("UPDATE ach_entries SET state = 'received', next_at_us = 1")
    other.close()
    with pytest.raises(sqlite3.IntegrityError):
        bank.work(LATER)
    assert bank.balances() == {COMPANY: 150_000, "1111": -150_000}
    assert bank.is_balanced()


def test_a_refused_debit_comes_back_when_it_settles_and_its_money_with_it(bank: Bank) -> None:
    [debit] = debits_of("10003")
    bank.take(sent(debit))
    bank.work(TUESDAY_MORNING)
    assert bank.balances() == {COMPANY: 0, "0003": 0}
    assert bank.books.totals()["entries"] == 4
    [file] = bank.written()
    assert (file.header.immediate_destination, file.header.immediate_origin) == ("121042882", "091400606")
    assert (file.header.file_creation_date, file.header.file_id_modifier) == (date(2026, 12, 1), "A")
    [batch] = file.batches
    assert batch.header.originating_dfi_identification == RDFI
    assert batch.header.company_identification == "1234567890"
    [back] = batch.entries
    assert back.transaction_code is TransactionCode.CHECKING_DEBIT_RETURN
    assert (back.account_number, back.amount_minor, back.routing_number) == ("10003", 150_000, "121042882")
    assert back.addenda == Return(
        return_reason_code="R03", original_trace_number=debit.trace_number, original_receiving_dfi=RDFI
    )


@pytest.mark.parametrize("code", RETURN_REASONS)
@pytest.mark.parametrize("series", ["100", "200", "500"])
def test_every_return_code_comes_back_once_in_a_file_that_the_originator_takes(
    bank: Bank, series: str, code: str
) -> None:
    bank.take(sent(*debits_of(f"{series}{code[1:]}", "111111")))
    bank.work(LATER)
    bank.work(LATER)
    [back] = bank.answers()
    assert isinstance(back.addenda, Return)
    assert back.addenda.return_reason_code == code
    [out, _] = bank.files.report(before=2**62, limit=10)["files"]
    data = bank.files.file(out["name"])
    assert data is not None
    assert faults_of(io.BytesIO(data)) == []
    assert bank.balances() == {COMPANY: 150_000, f"00{code[1:]}": 0, "1111": -150_000}
    assert bank.is_balanced()


def test_a_credit_comes_back_too(bank: Bank) -> None:
    bank.take(sent(entry(1, account_number="20002", transaction_code=CREDIT)))
    bank.work(TUESDAY_MORNING)
    assert bank.balances() == {COMPANY: -150_000, "0002": 150_000}
    bank.work(at_us("2026-12-03 08:30"))
    assert bank.balances() == {COMPANY: 0, "0002": 0}
    [back] = bank.answers()
    assert back.transaction_code is TransactionCode.CHECKING_CREDIT_RETURN


@pytest.mark.parametrize("code", CHANGE_REASONS)
def test_a_notification_of_change_says_what_would_be_right_and_moves_no_money(bank: Bank, code: str) -> None:
    bank.take(sent(*debits_of(f"400{code[1:]}")))
    bank.work(LATER)
    [file] = bank.written()
    [batch] = file.batches
    assert batch.header.standard_entry_class is EntryClass.COR
    [notice] = batch.entries
    assert isinstance(notice.addenda, NotificationOfChange)
    assert notice.addenda.change_code == code
    corrected = read_correction(notice.addenda)
    assert all(getattr(corrected, name) is not None for name in COLUMNS[code])
    assert notice.amount_minor == 0
    assert bank.balances() == {COMPANY: 150_000, f"00{code[1:]}": -150_000}


def test_a_prenote_moves_nothing_and_may_come_back(bank: Bank) -> None:
    prenote = TransactionCode.CHECKING_DEBIT_PRENOTE
    bank.take(
        sent(
            entry(1, account_number="10003", amount_minor=0, transaction_code=prenote),
            entry(2, account_number="111111", amount_minor=0, transaction_code=prenote),
        )
    )
    bank.work(LATER)
    [back] = bank.answers()
    assert (back.amount_minor, back.transaction_code) == (0, TransactionCode.CHECKING_DEBIT_RETURN)
    assert bank.books.totals()["entries"] == 0


def test_an_entry_that_is_never_heard_of_is_never_posted(bank: Bank) -> None:
    bank.take(sent(*debits_of("30003", "30000", "30001", "30002", "30004")))
    bank.work(LATER)
    paid = dict.fromkeys(("0000", "0001", "0002", "0004"), -150_000)
    assert bank.balances() == {COMPANY: 600_000, "0003": 0, **paid}
    assert bank.written() == []


def test_what_is_due_together_stands_in_one_file_and_the_rest_in_files_of_its_own_day(bank: Bank) -> None:
    bank.take(sent(*debits_of("10001", "20001", "20002", "40001", "20010")))
    other = entry(1, routing_number="091400606", account_number="10004")
    bank.take(sent(other, file_id="B"), name="b.ach")
    bank.work(LATER)
    files = bank.written()
    assert [(file.header.file_creation_date, len(entries_of([file]))) for file in files] == [
        (date(2026, 12, 1), 2),
        (date(2026, 12, 3), 3),
        (date(2027, 2, 1), 1),
    ]
    assert [batch.header.originating_dfi_identification for batch in files[0].batches] == [RDFI, "09140060"]


def test_a_day_without_file_ids_leaves_what_is_more_to_the_next(bank: Bank) -> None:
    for n, file_id in enumerate((*FILE_ID_MODIFIERS, "A")):
        created_on = HEADER.file_creation_date - DAY * (n // len(FILE_ID_MODIFIERS))
        bank.take(sent(*debits_of("10001"), file_id=file_id, created_on=created_on), name=f"{n}.ach")
        bank.work(TUESDAY_MORNING)
    headers = [file.header for file in bank.written()]
    assert [header.file_id_modifier for header in headers] == [*FILE_ID_MODIFIERS, "A"]
    assert {header.file_creation_date for header in headers[:-1]} == {date(2026, 12, 1)}
    assert headers[-1].file_creation_date == date(2026, 12, 2)


def test_the_books_are_found_again_when_they_are_opened_again(bank: Bank) -> None:
    bank.take(sent(*debits_of("20001")))
    bank.work(TUESDAY_MORNING)
    bank.books.close()
    bank.reopen()
    assert bank.take(sent(*debits_of("20001"))).is_new is False
    bank.work(LATER)
    assert len(bank.answers()) == 1
    assert bank.balances() == {COMPANY: 0, "0001": 0}


def test_a_file_that_was_refused_is_remembered_with_its_faults(bank: Bank) -> None:
    faults = [{"line": 3, "field": "amount", "rule": "format", "detail": "must be 10 digits"}]
    for _ in range(2):
        bank.files.refuse("payments.ach", b"s" * 32, faults, at_us=MONDAY)
    [refused] = bank.files.report(before=2**62, limit=10)["refused"]
    assert (refused["name"], refused["faults"], refused["at_us"]) == ("payments.ach", faults, MONDAY)


def test_the_report_tells_of_a_file_how_far_it_has_come(bank: Bank) -> None:
    bank.take(sent(*debits_of("10001", "111111")))
    [file] = bank.files.report(before=2**62, limit=10)["files"]
    assert (file["entries"], file["not_posted"], file["returned"], file["debit_minor"]) == (2, 2, 0, 300_000)
    bank.work(LATER)
    report = bank.files.report(before=2**62, limit=1)
    assert report["files"][0]["direction"] == "out"
    [file] = bank.files.report(before=report["next"], limit=10)["files"]
    assert (file["not_posted"], file["returned"]) == (0, 1)
    assert report["counts"]["answers_waiting"] == 0
