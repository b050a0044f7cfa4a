"""What the simulated bank does wrong with a share of its transfers: in its books, feed, answers and record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from payments.rails import SECOND_US
from payments.windows import eastern
from rails.bank import Answer, Instruction, Outcome, Standing
from rails.simulated.books import Books
from rails.simulated.day_statements import DayStatements
from rails.simulated.transfer_faults import FaultRates
from tests.unit.rails.instructions import CLAIMED_AT_US, instruction

MANY = 2000
RENT = 150_000
LATER_US = CLAIMED_AT_US + 60 * SECOND_US


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    opened = Books(tmp_path / "books.sqlite", speed=1)
    yield opened
    opened.close()


def goes_wrong(books: Books, *orders: Instruction, **shares: float) -> None:
    """Take some transfers while the bank does this wrong, and do what is due."""
    with books.transaction():
        books.faults.set_rates(FaultRates(seed=7, **shares))
    books.take(orders, received_us=lambda claimed_at_us: claimed_at_us)
    while books.settle_due(now_us=LATER_US):
        pass


def told(books: Books) -> list[Outcome]:
    return [outcome for _, outcome in books.outcomes(0, 10)]


def asked(books: Books, order: Instruction) -> Answer:
    return books.ask([order.reference])[order.reference]


def record(books: Books) -> list[dict[str, Any]]:
    return books.faults.page(0, 2 * MANY)


def test_a_transfer_is_dropped_booked_and_told_to_nobody_until_it_shall_be(books: Books) -> None:
    order = instruction()
    goes_wrong(books, order, dropped=1)
    assert books.totals()["credits_minor"] == RENT
    assert (told(books), asked(books, order).standing) == ([], Standing.UNCLEAR)
    with books.transaction():
        assert books.faults.tell_dropped() == 1
    assert [outcome.reference for outcome in told(books)] == [order.reference]
    assert asked(books, order).standing is Standing.DECIDED
    with books.transaction():
        assert books.faults.tell_dropped() == 0
    assert len(told(books)) == 1


def test_what_is_not_booked_yet_is_dropped_still_when_the_others_are_told(books: Books) -> None:
    early, late = instruction(1), instruction(2)
    goes_wrong(books, early, dropped=1)
    books.take([late], received_us=lambda claimed_at_us: claimed_at_us)
    assert asked(books, late).standing is Standing.IN_PROGRESS
    with books.transaction():
        assert books.faults.tell_dropped() == 1
    books.settle_due(now_us=LATER_US)
    assert [outcome.reference for outcome in told(books)] == [early.reference]
    assert asked(books, late).standing is Standing.UNCLEAR


def test_a_transfer_is_doubled_booked_twice_told_twice_and_the_books_balance(books: Books, tmp_path: Path) -> None:
    goes_wrong(books, instruction(), doubled=1)
    totals = books.totals()
    assert (totals["credits_minor"], totals["debits_minor"], totals["entries"]) == (2 * RENT, 2 * RENT, 4)
    assert totals["entries_minor"] == totals["balances_minor"] == 0
    assert all(each["balance_minor"] == each["entries_minor"] for each in books.accounts(0, 10))
    assert len(told(books)) == 2
    day = eastern(LATER_US).date()
    file = DayStatements(tmp_path / "books.sqlite", books.books_id).of(day, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    for statement in file.statements:
        first, second = (each.item for each in statement.bookings)
        assert (first.amount_minor, first.end_to_end_id) == (second.amount_minor, second.end_to_end_id)
        assert second.reference == f"{first.reference}-2"


def test_an_amount_is_changed_in_the_books_and_in_what_is_told(books: Books) -> None:
    order = instruction()
    goes_wrong(books, order, changed=1)
    assert books.totals()["credits_minor"] == RENT + 1
    assert [outcome.amount_minor for outcome in told(books)] == [RENT + 1]
    assert [outcome.amount_minor for outcome in asked(books, order).outcomes] == [RENT + 1]
    assert [(each["amount_minor"], each["booked_minor"]) for each in record(books)] == [(RENT, RENT + 1)]


def test_a_share_goes_wrong_the_same_in_whatever_order_and_nothing_else_does(books: Books, tmp_path: Path) -> None:
    orders = [instruction(number) for number in range(MANY)]
    shares = {"dropped": 0.1, "doubled": 0.1, "changed": 0.05}
    goes_wrong(books, *orders, **shares)
    counts: Counter[str] = Counter()
    for each in record(books):
        counts["dropped"] += each["is_dropped"]
        counts["doubled"] += each["is_doubled"]
        counts["changed"] += each["booked_minor"] != each["amount_minor"]
    # Within four standard deviations.
    assert 146 <= counts["dropped"] <= 254
    assert 146 <= counts["doubled"] <= 254
    assert 61 <= counts["changed"] <= 139
    silent = {each["reference"] for each in record(books) if each["is_dropped"]}
    heard = Counter(outcome.reference for _, outcome in books.outcomes(0, 2 * MANY))
    assert heard.keys() == {order.reference for order in orders} - silent
    twice = {each["reference"] for each in record(books) if each["is_doubled"]}
    assert {reference for reference, count in heard.items() if count == 2} == twice - silent

    other = Books(tmp_path / "other.sqlite", speed=1)
    goes_wrong(other, *reversed(orders), **shares)
    assert key(other) == key(books)
    other.close()


def key(books: Books) -> set[tuple[str, int, int, int]]:
    return {(it["reference"], it["is_dropped"], it["is_doubled"], it["booked_minor"]) for it in record(books)}


def test_what_was_taken_before_and_what_an_account_number_asks_for_stays_as_it_is(books: Books) -> None:
    before, refused = instruction(1), instruction(2, credit="10001")
    goes_wrong(books, before)
    goes_wrong(books, before, refused, dropped=1, doubled=1, changed=1)
    assert record(books) == []
    assert [outcome.amount_minor for outcome in told(books)] == [RENT, RENT]


def test_the_rates_are_known_after_a_restart(books: Books, tmp_path: Path) -> None:
    goes_wrong(books, dropped=0.02)
    again = Books(tmp_path / "books.sqlite", speed=1)
    assert again.faults.rates == FaultRates(dropped=0.02, seed=7)
    again.close()
