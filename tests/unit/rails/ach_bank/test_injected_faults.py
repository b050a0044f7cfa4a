"""What goes wrong because somebody asked for it: to as many entries as were asked for, and no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rails.nacha.return_addenda import Return
from rails.simulated.ach.fault_desk import fault_row, read_wanted
from rails.simulated.ach.injected_faults import Outages, wrong_amount
from rails.simulated.app import BadRequest
from tests.unit.rails.ach.written_log import at_us
from tests.unit.rails.ach_bank.sent_files import MONDAY, Bank, debits_of, entries_of, sent
from tests.unit.rails.nacha.contents import entry

LATER = at_us("2027-06-01 12:00")
COMPANY = "7890"


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    opened = Bank(tmp_path)
    yield opened
    opened.books.close()


def ask(bank: Bank, body: str) -> int:
    return bank.files.set_fault(fault_row(read_wanted(body.encode()), now_us=MONDAY))


def left(bank: Bank) -> list[int]:
    return [fault["entries_left"] for fault in bank.files.faults(100)]


def test_an_answer_that_is_lost_is_in_no_file_though_its_money_came_back(bank: Bank) -> None:
    ask(bank, '{"fault": "lost_answer", "next": 1}')
    bank.take(sent(*debits_of("10001", "10002")))
    bank.work(LATER)
    assert [named.addenda.return_reason_code for named in bank.answers() if isinstance(named.addenda, Return)] == [
        "R02"
    ]
    assert bank.balances() == {COMPANY: 0, "0001": 0, "0002": 0}
    assert left(bank) == [0]


def test_an_answer_that_comes_twice_stands_in_two_files_and_its_money_came_back_once(bank: Bank) -> None:
    ask(bank, '{"fault": "duplicate_answer", "next": 2}')
    bank.take(sent(*debits_of("10001", "40005", "10003")))
    bank.work(LATER)
    told = Counter(addenda.original_trace_number[-1] for addenda in addenda_of(bank))
    assert told == {"1": 2, "2": 1, "3": 2}
    assert len(entries_of(bank.written()[:1])) == 2
    assert bank.balances() == {COMPANY: 150_000, "0001": 0, "0005": -150_000, "0003": 0}
    assert bank.is_balanced()


def addenda_of(bank: Bank) -> list[Any]:
    return [each.addenda for each in bank.answers()]


def test_a_late_return_is_of_an_entry_that_would_have_settled(bank: Bank) -> None:
    ask(bank, '{"fault": "late_return", "next": 1, "code": "R09"}')
    bank.take(sent(*debits_of("10001", "111111", "222222")))
    bank.work(LATER)
    late = bank.written()[1]
    [back] = entries_of([late])
    assert back.account_number == "111111"
    assert isinstance(back.addenda, Return)
    assert back.addenda.return_reason_code == "R09"
    # Settled on Tuesday: 2 banking days end on Thursday.
    assert late.header.file_creation_date.isoformat() == "2026-12-04"
    assert bank.balances() == {COMPANY: 150_000, "0001": 0, "1111": 0, "2222": -150_000}


def test_a_wrong_amount_is_told_and_not_booked(bank: Bank) -> None:
    ask(bank, '{"fault": "wrong_amount", "next": 1}')
    bank.take(sent(*debits_of("10001", "10002")))
    bank.work(LATER)
    assert [each.amount_minor for each in bank.answers()] == [150_001, 150_000]
    assert bank.balances() == {COMPANY: 0, "0001": 0, "0002": 0}
    assert wrong_amount(9_999_999_999) == 9_999_999_998


@pytest.mark.parametrize("by", ["trace_number", "individual_identification_number"])
def test_a_fault_may_be_of_one_entry_that_is_named(bank: Bank, by: str) -> None:
    first, second = debits_of("111111", "222222")
    named = entry(2, account_number="222222", individual_identification_number="RENT-OF-222")
    ask(bank, f'{{"fault": "late_return", "reference": "{getattr(named, by)}"}}')
    bank.take(sent(first, named))
    bank.work(LATER)
    assert [each.account_number for each in bank.answers()] == [second.account_number]


def test_faults_happen_in_the_order_in_which_they_were_asked_for_until_they_are_removed(bank: Bank) -> None:
    removed = ask(bank, '{"fault": "late_return", "next": 5, "code": "R02"}')
    ask(bank, '{"fault": "late_return", "next": 1, "code": "R03"}')
    bank.take(sent(*debits_of("111111")))
    bank.work(LATER)
    assert left(bank) == [1, 4]
    assert bank.files.remove_fault(removed)
    assert not bank.files.remove_fault(removed)
    bank.take(sent(entry(7, account_number="222222"), file_id="B"), name="b.ach", at=LATER)
    bank.work(LATER + 30 * 86_400_000_000)
    assert [addenda.return_reason_code for addenda in addenda_of(bank)] == ["R02", "R03"]


def test_an_outage_at_the_cut_off_lies_around_the_next_windows_end() -> None:
    wanted = read_wanted(b'{"fault": "outage", "for_s": 1200, "at_cut_off": true}')
    row = fault_row(wanted, now_us=MONDAY)
    assert (row["from_us"], row["until_us"]) == (at_us("2026-11-30 10:20"), at_us("2026-11-30 10:40"))
    row = fault_row(wanted, now_us=at_us("2026-11-30 10:25"))
    assert (row["from_us"], row["until_us"]) == (at_us("2026-11-30 10:25"), at_us("2026-11-30 10:40"))


def test_who_comes_in_an_outage_reaches_the_bank_behind_it() -> None:
    outages = Outages([(10, 20), (20, 25), (40, 50)])
    assert [outages.end_us(at) for at in (9, 10, 19, 20, 25, 45)] == [None, 20, 20, 25, None, 50]
    assert [outages.reached_us(at) for at in (9, 10, 24, 30)] == [9, 25, 25, 30]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        '{"fault": "fire", "next": 1}',
        '{"fault": "lost_answer"}',
        '{"fault": "lost_answer", "next": 0}',
        '{"fault": "lost_answer", "next": 1, "reference": "121042880000001"}',
        '{"fault": "lost_answer", "next": 1, "for_s": 1}',
        '{"fault": "lost_answer", "next": 1, "code": "R01"}',
        '{"fault": "late_return", "next": 1, "code": "R99"}',
        '{"fault": "outage"}',
        '{"fault": "outage", "for_s": 0}',
        '{"fault": "outage", "for_s": 1, "next": 1}',
    ],
)
def test_a_fault_that_is_not_clear_is_refused(body: str) -> None:
    with pytest.raises(BadRequest):
        read_wanted(body.encode())
