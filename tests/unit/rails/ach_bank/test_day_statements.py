"""The bank's statements of a day, read back by reconciliation: what they say is what the books hold, to the cent."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from msgspec.structs import replace

from payments.calendar import DAY
from payments.rails import SECOND_US, Rail
from payments.windows import instant_us
from rails.bank import Instruction, Reference
from rails.nacha.addenda import PaymentInformation
from rails.simulated.day_statements import DayStatements, NothingBooked, account_name
from rails.simulated.statements.writer import write_statements
from reconciliation.statements.reader import read_statements
from reconciliation.statements.values import Entry
from reconciliation.statements.whole import WholeStatement, whole_statements
from tests.unit.rails.ach_bank.sent_files import CREDIT, MONDAY, TUESDAY, TUESDAY_MORNING, Bank, sent
from tests.unit.rails.instructions import instruction
from tests.unit.rails.nacha.contents import entry

MONDAY_DAY = date(2026, 11, 30)
MADE_AT = datetime(2026, 12, 2, tzinfo=UTC)
FORMS = ["camt.053", "camt.053.001.02", "bai2", "csv"]
RENT = str(Reference(payment_id="5b05870b-60d7-5728-8000-000000000001", attempt=1))


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """Two days: transfers of which one comes back, then a file of which a debit comes back, and a transfer."""
    opened = Bank(tmp_path)
    pay(opened, instruction(1, rail=Rail.WIRE, claimed_at_us=MONDAY))
    pay(opened, instruction(2, rail=Rail.STANDARD_ACH, credit="20010", amount_minor=5, claimed_at_us=MONDAY))
    debit = replace(entry(2, account_number="111111"), addenda=PaymentInformation(payment_related_information=RENT))
    credit = entry(3, account_number="222222", amount_minor=40_001, transaction_code=CREDIT)
    opened.take(sent(entry(1, account_number="10001"), debit, credit))
    opened.work(TUESDAY_MORNING)
    pay(opened, instruction(3, amount_minor=1, claimed_at_us=TUESDAY_MORNING))
    yield opened
    opened.books.close()


def pay(bank: Bank, order: Instruction) -> None:
    bank.books.take([order], received_us=lambda claimed_at_us: claimed_at_us)
    while bank.books.settle_due(now_us=order.claimed_at_us + 600 * SECOND_US):
        pass


def statements(bank: Bank) -> DayStatements:
    return DayStatements(bank.path, bank.books.books_id)


def read(bank: Bank, day: date, form: str = "camt.053", account_id: int | None = None) -> list[WholeStatement]:
    file = statements(bank).of(day, created_at=MADE_AT, account_id=account_id)
    return whole_statements(read_statements(io.BytesIO(b"".join(write_statements(file, form)))))


def held(bank: Bank, day: date) -> dict[str, int]:
    """What each account had at the beginning of a day, by the books."""
    rows = bank.books.connection.execute(
        "SELECT a.account_id, (SELECT coalesce(sum(amount_minor), 0) FROM booked AS b"
        " WHERE b.account_id = a.account_id AND b.booked_at_us < ?) FROM accounts AS a",
        (instant_us(day, time(0, 0)),),
    )
    return {account_name(account_id): held_minor for account_id, held_minor in rows}


def named(bank: Bank, last4: str) -> int:
    account_ids: list[int] = [each["account_id"] for each in bank.books.accounts(0, 100) if each["last4"] == last4]
    return account_ids[0]


def amount(entry: Entry) -> int:
    return entry.direction.signed(entry.amount_minor)


@pytest.mark.parametrize("form", FORMS)
def test_statements_of_each_day_are_the_books_to_the_cent(bank: Bank, form: str) -> None:
    moved = {MONDAY_DAY: {"4321", "6789", "0010"}, TUESDAY: {"7890", "0001", "1111", "2222", "4321", "6789"}}
    for day, last4s in moved.items():
        found = {each.head.account: each for each in read(bank, day, form)}
        assert found.keys() == {account_name(named(bank, each)) for each in last4s}
        before, after = held(bank, day), held(bank, day + DAY)
        for account, statement in found.items():
            assert (statement.head.opening_minor, statement.head.closing_minor) == (before[account], after[account])
            assert sum(map(amount, statement.entries)) == after[account] - before[account]
        assert all(before[account] == after[account] for account in before.keys() - found.keys())
    assert sum(held(bank, TUESDAY + DAY).values()) == 0


def test_entries_name_the_payment_the_trace_number_and_why_they_came_back(bank: Bank) -> None:
    [payer] = read(bank, TUESDAY, account_id=named(bank, "1111"))
    [debit] = payer.entries
    assert (amount(debit), debit.end_to_end_id, debit.trace_number) == (-150_000, RENT, "121042880000002")
    [refused] = read(bank, TUESDAY, account_id=named(bank, "0001"))
    assert [(amount(each), each.return_reason) for each in refused.entries] == [(-150_000, None), (150_000, "R01")]
    [payee] = read(bank, MONDAY_DAY, account_id=named(bank, "0010"))
    assert [(amount(each), each.return_reason) for each in payee.entries] == [(5, None), (-5, "R10")]
    assert {each.end_to_end_id for each in payee.entries} == {instruction(2).reference}


def test_a_company_sees_its_batches_and_what_came_back_of_them(bank: Bank) -> None:
    [company] = read(bank, TUESDAY, account_id=named(bank, "7890"))
    back, paid, taken = sorted(company.entries, key=amount)
    assert (amount(back), amount(paid), amount(taken)) == (-150_000, -40_001, 300_000)
    assert back.return_reason == "R01"
    [batch] = taken.batches
    assert batch.message_id == "20261130-A-1"
    assert [(each.amount_minor, each.end_to_end_id) for each in batch.items] == [(150_000, None), (150_000, RENT)]


def test_a_day_on_which_more_is_booked_has_another_statement_and_one_without_bookings_none(bank: Bank) -> None:
    account = named(bank, "4321")
    [before] = read(bank, TUESDAY, account_id=account)
    pay(bank, instruction(4, amount_minor=7, claimed_at_us=TUESDAY_MORNING + 60 * SECOND_US))
    [after] = read(bank, TUESDAY, account_id=account)
    assert after.head.statement_id != before.head.statement_id
    assert after.entries[: len(before.entries)] == before.entries
    for day, account_id in ((TUESDAY + DAY, None), (TUESDAY, named(bank, "0010"))):
        with pytest.raises(NothingBooked):
            read(bank, day, account_id=account_id)
