"""The simulated bank's books, with the clock in the test's hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.rails import SECOND_US
from rails.bank import Instruction, Reference, Result, Standing
from rails.simulated.books import DUE_MAX, Books
from tests.unit.rails.instructions import CLAIMED_AT_US, instruction

LATER_US = CLAIMED_AT_US + 60 * SECOND_US


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    opened = Books(tmp_path / "books.sqlite", speed=1)
    yield opened
    opened.close()


def when_claimed(claimed_at_us: int) -> int:
    return claimed_at_us


def take(books: Books, *orders: Instruction) -> dict[str, Standing]:
    answers = books.take(orders, received_us=when_claimed)
    return {reference: answer.standing for reference, answer in answers.items()}


def results(books: Books) -> list[tuple[Result, str | None]]:
    return [(outcome.result, outcome.code) for _, outcome in books.outcomes(0, 100)]


def balances(books: Books) -> dict[str, int]:
    return {account["last4"]: account["balance_minor"] for account in books.accounts(0, 100)}


def test_a_transfer_settles_at_its_time_and_the_books_balance(books: Books) -> None:
    order = instruction()
    assert take(books, order) == {order.reference: Standing.IN_PROGRESS}
    due_us = books.next_due_us()
    assert due_us is not None
    assert books.settle_due(now_us=due_us - 1) == 0
    assert books.outcomes(0, 10) == []
    assert books.settle_due(now_us=due_us) == 1
    [(sequence, outcome)] = books.outcomes(0, 10)
    assert (sequence, outcome.reference, outcome.payment_key) == (1, order.reference, "acme:rent-1")
    assert (outcome.result, outcome.amount_minor, outcome.occurred_at_us) == (Result.SETTLED, 150_000, due_us)
    assert balances(books) == {"4321": -150_000, "6789": 150_000}
    totals = books.totals()
    assert totals["entries_minor"] == totals["balances_minor"] == 0
    assert totals["debits_minor"] == totals["credits_minor"] == 150_000
    assert books.next_due_us() is None


def test_an_instruction_sent_again_and_again_is_one_transfer(books: Books) -> None:
    order = instruction()
    take(books, order, order)
    take(books, order)
    books.settle_due(now_us=LATER_US)
    assert take(books, order) == {order.reference: Standing.DECIDED}
    books.settle_due(now_us=LATER_US)
    assert books.totals()["transfers"] == 1
    assert balances(books) == {"4321": -150_000, "6789": 150_000}
    assert results(books) == [(Result.SETTLED, None)]


def test_the_books_refuse_to_book_a_transfer_twice(books: Books, tmp_path: Path) -> None:
    take(books, instruction())
    books.settle_due(now_us=LATER_US)
    with sqlite3.connect(tmp_path / "books.sqlite", isolation_level=None) as other:
        other.execute("UPDATE transfers SET state = 'in_progress', next_at_us = 1")
    other.close()
    with pytest.raises(sqlite3.IntegrityError):
        books.settle_due(now_us=LATER_US)
    assert books.totals()["entries"] == 2
    assert balances(books) == {"4321": -150_000, "6789": 150_000}


def test_a_refused_transfer_moves_nothing_and_says_why(books: Books) -> None:
    order = instruction(debit="10001")
    assert take(books, order) == {order.reference: Standing.IN_PROGRESS}
    books.settle_due(now_us=LATER_US)
    [(_, outcome)] = books.outcomes(0, 10)
    assert (outcome.result, outcome.code, outcome.reason) == (Result.REJECTED, "R01", "insufficient funds")
    assert books.totals()["entries"] == 0


def test_a_returned_transfer_settles_and_goes_back_a_delay_later(books: Books) -> None:
    order = instruction(credit="20010")
    take(books, order)
    settled_us = books.next_due_us()
    assert settled_us is not None
    books.settle_due(now_us=settled_us)
    assert balances(books) == {"4321": -150_000, "0010": 150_000}
    returned_us = books.next_due_us()
    assert returned_us is not None
    assert SECOND_US <= returned_us - settled_us <= 2 * SECOND_US
    books.settle_due(now_us=returned_us)
    assert results(books) == [(Result.SETTLED, None), (Result.RETURNED, "R10")]
    assert balances(books) == {"4321": 0, "0010": 0}
    assert [o.result for o in books.ask([order.reference])[order.reference].outcomes] == [
        Result.SETTLED,
        Result.RETURNED,
    ]
    assert books.next_due_us() is None


def test_an_unanswered_submit_settles_and_the_feed_tells(books: Books) -> None:
    order = instruction(debit="30000")
    assert take(books, order) == {}
    assert books.ask([order.reference])[order.reference].standing is Standing.IN_PROGRESS
    books.settle_due(now_us=LATER_US)
    assert results(books) == [(Result.SETTLED, None)]


def test_when_the_answer_is_lost_only_asking_tells(books: Books) -> None:
    order = instruction(debit="30001")
    assert take(books, order) == {}
    books.settle_due(now_us=LATER_US)
    assert results(books) == []
    answer = books.ask([order.reference])[order.reference]
    assert answer.standing is Standing.DECIDED
    assert [outcome.result for outcome in answer.outcomes] == [Result.SETTLED]
    assert balances(books) == {"0001": -150_000, "6789": 150_000}


def test_an_outcome_told_twice_was_booked_once(books: Books) -> None:
    take(books, instruction(debit="30002"))
    books.settle_due(now_us=LATER_US)
    assert results(books) == [(Result.SETTLED, None), (Result.SETTLED, None)]
    assert balances(books) == {"0002": -150_000, "6789": 150_000}


def test_a_transfer_never_heard_of_again_stays_unclear_and_moves_nothing(books: Books) -> None:
    order = instruction(debit="30003")
    assert take(books, order) == {}
    assert books.next_due_us() is None
    books.settle_due(now_us=LATER_US)
    assert take(books, order) == {}
    assert books.ask([order.reference])[order.reference].standing is Standing.UNCLEAR
    assert books.totals()["entries"] == 0


def test_what_is_only_booked_has_moved_and_nobody_is_told_of_it(books: Books) -> None:
    order = instruction(debit="30004")
    assert take(books, order) == {}
    books.settle_due(now_us=LATER_US)
    assert take(books, order) == {}
    assert results(books) == []
    assert books.ask([order.reference])[order.reference].standing is Standing.UNCLEAR
    assert balances(books) == {"0004": -150_000, "6789": 150_000}
    assert books.next_due_us() is None


def test_what_was_never_sent_was_not_received(books: Books) -> None:
    assert books.ask([instruction(9).reference])[instruction(9).reference].standing is Standing.NOT_RECEIVED


def test_a_test_value_in_a_batch_silences_only_itself(books: Books) -> None:
    plain, silent = instruction(1), instruction(2, debit="30000")
    assert take(books, plain, silent) == {plain.reference: Standing.IN_PROGRESS}


def test_one_account_on_both_sides_still_balances(books: Books) -> None:
    take(books, instruction(debit="123456789", credit="123456789"))
    books.settle_due(now_us=LATER_US)
    assert balances(books) == {"6789": 0}
    assert books.totals()["entries"] == 2


def test_the_books_are_found_again_when_they_are_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite"
    first = Books(path, speed=1)
    first.take([instruction()], received_us=when_claimed)
    first.close()
    again = Books(path, speed=1)
    assert again.books_id == first.books_id
    assert (
        again.take([instruction()], received_us=when_claimed)[instruction().reference].standing is Standing.IN_PROGRESS
    )
    again.settle_due(now_us=LATER_US)
    assert balances(again) == {"4321": -150_000, "6789": 150_000}
    again.close()


def test_a_transfer_of_an_earlier_release_is_found_under_the_reference_of_today(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite"
    order = instruction()
    first = Books(path, speed=1)
    take(first, order)
    first.close()
    with sqlite3.connect(path, isolation_level=None) as other:
        payment_id = Reference.parse(order.reference).payment_id
        other.execute("UPDATE transfers SET reference = ?", (f"{payment_id}:1",))
        other.execute("PRAGMA user_version=0")
    other.close()
    again = Books(path, speed=1)
    assert take(again, order) == {order.reference: Standing.IN_PROGRESS}
    again.settle_due(now_us=LATER_US)
    assert again.totals()["transfers"] == 1
    assert [outcome.reference for _, outcome in again.outcomes(0, 10)] == [order.reference]
    again.close()


def test_no_account_number_is_in_the_file(tmp_path: Path) -> None:
    opened = Books(tmp_path / "books.sqlite", speed=1)
    opened.take(
        [instruction(debit="55512348877", credit="44412348866")], received_us=lambda claimed_at_us: claimed_at_us
    )
    opened.settle_due(now_us=LATER_US)
    opened.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"8877" in content, "the search finds what is there"
    assert b"55512348877" not in content
    assert b"44412348866" not in content


def test_more_than_fits_one_transaction_settles_in_order(books: Books) -> None:
    count = DUE_MAX + 5
    for start in range(0, count, 500):
        books.take(
            [instruction(n) for n in range(start + 1, min(start + 500, count) + 1)],
            received_us=lambda claimed_at_us: claimed_at_us,
        )
    assert books.settle_due(now_us=LATER_US) == DUE_MAX
    assert books.settle_due(now_us=LATER_US) == 5
    told = books.outcomes(0, count + 1)
    assert [sequence for sequence, _ in told] == list(range(1, count + 1))
    times = [outcome.occurred_at_us for _, outcome in told]
    assert times == sorted(times)
    assert books.totals()["balances_minor"] == 0
