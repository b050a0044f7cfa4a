"""Returns that come too late are sent back, and accepted or contested: where the money is, to the cent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from payments.rails import Rail
from rails.ach.book import Book
from rails.ach.book_reading import BookReading
from rails.ach.phases import Phase
from rails.ach.problems import UNTIMELY
from rails.bank import Instruction, Result
from rails.nacha.return_addenda import ContestedReturn, DishonoredReturn
from rails.simulated.ach.deposit import BrokenFile
from rails.simulated.day_statements import DayStatements, NothingBooked
from schemas.origination import AchReturn
from tests.unit.rails.ach.exchange_in_hand import ExchangeInHand
from tests.unit.rails.ach.originator_in_hand import TERMS
from tests.unit.rails.ach.written_log import SENDER, at_us, built, outcomes_of, read
from tests.unit.rails.ach_bank.sent_files import entries_of, sent
from tests.unit.rails.instructions import instruction

NINE = at_us("2026-12-01 09:00")
ARRIVED = at_us("2026-12-01 17:00")
BACK_LATE = at_us("2026-12-04 08:30")  # A banking day after the rules' last.
DISHONORED = at_us("2026-12-04 13:00")
CONTESTED = at_us("2026-12-07 08:30")  # Monday.
YEAR_END = at_us("2027-03-01 12:00")
COMPANY = SENDER.company_identification[-4:]
PAYEE = "123456789"


def order(n: int, debit: str, *, credit: str = PAYEE, is_refund: bool = False) -> Instruction:
    amount_minor = 150_000 + n
    return instruction(
        n, debit=debit, credit=credit, rail=Rail.SAME_DAY_ACH, amount_minor=amount_minor, claimed_at_us=NINE,
        is_refund=is_refund,
    )  # fmt: skip


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[ExchangeInHand]:
    opened = ExchangeInHand(tmp_path, NINE, replace(TERMS, dishonors=True))
    yield opened
    opened.close()


def told(exchange: ExchangeInHand) -> list[tuple[Result, str | None]]:
    return [(each.result, each.code) for each in outcomes_of(exchange.reading)]


def phases(exchange: ExchangeInHand) -> dict[str, int]:
    return {row["phase"]: row["payments"] for row in exchange.reading.phases()}


def held(exchange: ExchangeInHand, payer: str) -> tuple[int, int, int]:
    """What payer, payee and company have at the bank."""
    balances = exchange.bank.balances()
    assert exchange.bank.is_balanced()
    return balances[payer[-4:]], balances.get(PAYEE[-4:], 0), balances[COMPANY]


@pytest.mark.parametrize("is_refund", [False, True])
def test_a_late_return_is_dishonored_in_the_next_file_and_the_payment_stays_completed(
    exchange: ExchangeInHand, is_refund: bool
) -> None:
    paid = order(1, "50001", is_refund=is_refund)
    exchange.desk.take([paid])
    exchange.go_on(ARRIVED)
    exchange.go_on(BACK_LATE)
    assert (phases(exchange), held(exchange, "50001")) == ({Phase.DISHONOR_WAITS: 1}, (0, 150_001, -150_001))
    exchange.go_on(DISHONORED - 1)
    assert phases(exchange) == {Phase.DISHONOR_FILED: 1}
    exchange.go_on(DISHONORED)
    assert (phases(exchange), held(exchange, "50001")) == ({Phase.COMPLETED: 1}, (-150_001, 150_001, 0))
    exchange.go_on(YEAR_END)
    assert told(exchange) == [(Result.SETTLED, None)]
    assert exchange.reading.problems() == {}
    assert held(exchange, "50001") == (-150_001, 150_001, 0)


def test_it_names_the_debit_and_the_return_and_goes_to_the_bank_that_sent_it(exchange: ExchangeInHand) -> None:
    exchange.desk.take([order(1, "50001")])
    exchange.go_on(DISHONORED)
    [returned] = exchange.bank.answers()
    [_, _, dishonoring] = exchange.reading.files(0, 10)
    assert {name: dishonoring[name] for name in ("dishonors", "debit_minor", "credit_minor")} == {
        "dishonors": 1,
        "debit_minor": 150_001,
        "credit_minor": 0,
    }
    [batch] = read(built(exchange.reading, dishonoring["file_number"])).batches
    header = batch.header
    assert (header.company_name, header.standard_entry_class, header.service_class) == ("DIRECTPAY", "WEB", 225)
    [entry] = batch.entries
    assert (entry.transaction_code, entry.amount_minor, entry.account_number) == (26, 150_001, "50001")
    assert entry.routing_number == order(1, "50001").debit.routing_number
    assert entry.addenda == DishonoredReturn(
        dishonored_return_reason_code="R68",
        original_trace_number="121042880000001",
        original_receiving_dfi="12104288",
        return_trace_number=returned.trace_number,
        return_settlement_day=338,  # 4 December.
        return_reason_code="R01",
    )


def test_a_bank_that_insists_has_the_payment_returned_with_the_returns_own_code(exchange: ExchangeInHand) -> None:
    exchange.desk.take([order(1, "60003")])
    exchange.go_on(CONTESTED - 1)
    assert (phases(exchange), told(exchange)) == ({Phase.COMPLETED: 1}, [(Result.SETTLED, None)])
    exchange.go_on(CONTESTED)
    assert (phases(exchange), held(exchange, "60003")) == ({Phase.RETURNED: 1}, (0, 150_001, -150_001))
    assert told(exchange) == [(Result.SETTLED, None), (Result.RETURNED, "R03")]
    [_, contest] = exchange.bank.answers()
    assert isinstance(contest.addenda, ContestedReturn)
    addenda = contest.addenda
    assert (addenda.contested_return_reason_code, addenda.return_reason_code) == ("R73", "R03")
    assert (addenda.original_settlement_day, addenda.dishonored_return_settlement_day) == (335, 338)
    exchange.go_on(YEAR_END)
    assert exchange.reading.problems() == {}
    assert len(outcomes_of(exchange.reading)) == 2, "there is nothing to dishonor any more"


@pytest.mark.parametrize(
    ("payer", "is_late"),
    [("20001", False), ("50001", True), ("20010", False), ("50010", True), ("50029", True)],
)
def test_only_what_is_late_is_dishonored(exchange: ExchangeInHand, payer: str, is_late: bool) -> None:
    exchange.desk.take([order(1, payer)])
    exchange.go_on(YEAR_END)
    code = f"R{payer[-2:]}"
    assert told(exchange)[1:] == ([] if is_late else [(Result.RETURNED, code)])
    assert phases(exchange) == {Phase.COMPLETED if is_late else Phase.RETURNED: 1}
    assert held(exchange, payer) == ((-150_001, 150_001, 0) if is_late else (0, 150_001, -150_001))


def test_without_the_setting_a_late_return_is_for_a_person(tmp_path: Path) -> None:
    world = ExchangeInHand(tmp_path, NINE, TERMS)
    world.desk.take([order(1, "50001")])
    world.go_on(YEAR_END)
    assert (phases(world), world.reading.problems()) == ({Phase.RETURNED: 1}, {UNTIMELY: 1})
    world.close()


def test_a_return_that_lay_unread_was_not_late(exchange: ExchangeInHand) -> None:
    exchange.desk.take([order(1, "20001")])
    exchange.go_on(ARRIVED)
    # Nobody looks for a week: the bank's file is of 3 December.
    exchange.clock.us = at_us("2026-12-10 09:00")
    exchange.go_on(YEAR_END)
    assert told(exchange)[1:] == [(Result.RETURNED, "R01")]
    assert exchange.reading.problems() == {}


def test_a_credit_that_comes_back_while_its_debits_return_is_disputed_leaves_nobody_with_the_others_money(
    exchange: ExchangeInHand,
) -> None:
    # Both returns are heard in the same morning, before anything was dishonored.
    exchange.desk.take([order(1, "50001", credit="50016")])
    exchange.go_on(YEAR_END)
    assert phases(exchange) == {Phase.EVEN: 1}
    balances = exchange.bank.balances()
    assert (balances["0001"], balances["0016"], balances[COMPANY]) == (0, 0, 0)
    assert told(exchange) == [(Result.SETTLED, None), (Result.RETURNED, "R16")]


def test_a_return_that_was_to_be_dishonored_is_taken_when_the_credit_came_back_before_it_in_the_same_file(
    exchange: ExchangeInHand,
) -> None:
    exchange.desk.take([order(1, "55501234")])
    exchange.go_on(BACK_LATE)
    # Both were judged by the book as it was before either of them.
    credit = AchReturn(
        file_sha256=b"f" * 32,
        line=3,
        original_trace_number="121042880000002",
        code="R16",
        amount_minor=150_001,
        received_at_us=BACK_LATE,
    )
    debit = structs.replace(
        credit, line=6, original_trace_number="121042880000001", code="R01", dishonored_as="R68",
        return_trace_number="121042880000009",
    )  # fmt: skip
    exchange.write(credit, debit)
    assert phases(exchange) == {Phase.EVEN: 1}
    assert exchange.reading.problems() == {UNTIMELY: 2}
    assert told(exchange) == [(Result.SETTLED, None), (Result.RETURNED, "R16")]
    assert [each["is_dishonored"] for each in exchange.reading.incoming(0, 10)] == [0, 0]


def test_many_at_once_are_where_the_ledger_says_or_at_the_companys_cost(exchange: ExchangeInHand) -> None:
    payers = ["55501234", "50002", "60003", "20004", "50010", "60011", "10005"]
    exchange.desk.take([order(n, payer) for n, payer in enumerate(payers, start=1)])
    exchange.go_on(YEAR_END)
    ended = {"55501234": (-1, 1), "50002": (-1, 1), "50010": (-1, 1), "10005": (0, 0)}
    ended |= dict.fromkeys(("60003", "20004", "60011"), (0, 1))
    balances, amounts = exchange.bank.balances(), {payer: 150_000 + n for n, payer in enumerate(payers, start=1)}
    assert {payer: balances[payer[-4:]] for payer in payers} == {
        payer: ended[payer][0] * amounts[payer] for payer in payers
    }
    assert balances[PAYEE[-4:]] == sum(ended[payer][1] * amounts[payer] for payer in payers)
    assert balances[COMPANY] == -sum(sum(ended[payer]) * amounts[payer] for payer in payers)
    assert phases(exchange) == {Phase.COMPLETED: 3, Phase.RETURNED: 3, Phase.FAILED: 1}
    statements_add_up(exchange)


def statements_add_up(exchange: ExchangeInHand) -> None:
    """Every day's statements carry each account from what it had to what it has."""
    statements = DayStatements(exchange.bank.path, exchange.bank.books.books_id)
    closing: dict[str, int] = {}
    day = date(2026, 12, 1)
    while day < date(2027, 3, 1):
        try:
            file = statements.of(day, created_at=datetime(2027, 3, 1, tzinfo=UTC))
        except NothingBooked:
            file = None
        for each in [] if file is None else file.statements:
            assert each.opening_minor == closing.get(each.account, 0)
            closing[each.account] = each.closing_minor
        day += timedelta(days=1)
    assert sorted(closing.values()) == sorted(exchange.bank.balances().values())


def test_a_book_that_is_folded_again_builds_the_same_files(exchange: ExchangeInHand) -> None:
    exchange.desk.take([order(1, "50001"), order(2, "60002", is_refund=True)])
    exchange.go_on(YEAR_END)
    book = Book(None)
    book.adopt("again", 0)
    book.apply(list(enumerate(exchange.records)))
    again = BookReading(book.connection)
    numbers = [each["file_number"] for each in exchange.reading.files(0, 100)]
    assert len(numbers) == 3
    assert [built(again, each) for each in numbers] == [built(exchange.reading, each) for each in numbers]
    assert outcomes_of(again) == outcomes_of(exchange.reading)
    assert again.incoming(0, 100) == exchange.reading.incoming(0, 100)


def test_the_bank_refuses_what_names_no_return_that_stands(exchange: ExchangeInHand) -> None:
    exchange.desk.take([order(1, "50001")])
    exchange.go_on(DISHONORED)
    before = exchange.bank.state()
    [dishonoring] = entries_of([read(built(exchange.reading, 3))])
    with pytest.raises(BrokenFile, match="returned"):
        exchange.bank.take(sent(dishonoring), "again.ach", at=exchange.clock.us)
    assert exchange.bank.state() == before
