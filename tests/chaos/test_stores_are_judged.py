"""The oracle over views, ledger, bank and rejections: each check silent on what is sound, and able to fire."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import pytest

from chaos.oracle import bank, books, refused, views
from chaos.oracle.bank import Transfer
from chaos.oracle.books import Entry, Sums
from chaos.oracle.violation import Kind, Violation
from payments.commands import Order
from payments.rejection import Rejection
from tests.chaos.evidence import PAID, entries, event_rows, log, payment_row, the_payment, transfer
from tests.unit.payments.histories import MARCH, OTHER_COMMAND, cancelled, claimed, rejected, returned

HISTORIES: list[tuple[Order, ...]] = [PAID, (*PAID, returned()), (MARCH, claimed(), rejected()), (MARCH, cancelled())]
LOG = log(*PAID)
PAYMENT = the_payment(LOG)
BALANCED = {"entries_minor": 0, "balances_minor": 0, "credits_minor": 5, "debits_minor": 5}


def kinds(violations: Iterable[Violation]) -> list[Kind]:
    return [violation.kind for violation in violations]


@pytest.mark.parametrize("orders", HISTORIES)
def test_stores_that_agree_with_the_log_are_not_accused(orders: tuple[Order, ...]) -> None:
    kept = log(*orders)
    payment, sums = the_payment(kept), Sums()
    assert kinds(views.payments_equal([payment_row(payment)], kept)) == []
    assert kinds(views.events_equal(event_rows(payment), kept)) == []
    assert kinds(books.entries_fit(sums.watch(entries(payment)), kept)) == []
    assert kinds(books.balances_fit(dict(sums.by_account), sums.by_account)) == []


def test_a_payment_that_the_views_lack_is_found() -> None:
    assert kinds(views.payments_equal([], LOG)) == [Kind.VIEW_DIFFERS]
    assert kinds(views.events_equal([], LOG)) == [Kind.VIEW_DIFFERS]


def test_a_payment_that_only_the_views_have_is_found() -> None:
    assert kinds(views.payments_equal([payment_row(PAYMENT)], log())) == [Kind.VIEW_DIFFERS]
    assert kinds(views.events_equal(event_rows(PAYMENT), log())) == [Kind.VIEW_DIFFERS]


def test_a_row_twice_is_found() -> None:
    assert kinds(views.payments_equal([payment_row(PAYMENT)] * 2, LOG)) == [Kind.VIEW_DIFFERS]


@pytest.mark.parametrize(
    "change", [{"status": "processing"}, {"amount_minor": 1}, {"updated_at_us": 1}, {"completed_at_us": None}]
)
def test_a_row_that_says_something_else_is_found(change: dict[str, object]) -> None:
    assert kinds(views.payments_equal([replace(payment_row(PAYMENT), **change)], LOG)) == [Kind.VIEW_DIFFERS]  # type: ignore[arg-type]


def test_an_event_that_is_missing_or_doubled_or_other_is_found() -> None:
    rows = event_rows(PAYMENT)
    for wrong in (rows[:-1], [*rows, rows[-1]], [*rows[:-1], replace(rows[-1], hash=b"\0" * 32)]):
        assert kinds(views.events_equal(wrong, LOG)) == [Kind.VIEW_DIFFERS]


def test_a_line_that_is_missing_unbalances_the_books_by_its_amount() -> None:
    found = list(books.entries_fit(entries(PAYMENT)[:-1], LOG))
    assert kinds(found) == [Kind.IMBALANCE, Kind.LEDGER_DIFFERS]
    assert found[0].cents == MARCH.amount_minor
    assert {violation.payment_id for violation in found} == {MARCH.payment_id}


def test_balanced_lines_that_the_history_does_not_mean_are_found() -> None:
    def turned(entry: Entry) -> Entry:
        return replace(entry, direction="credit" if entry.direction == "debit" else "debit")

    lines = entries(PAYMENT)
    for wrong in ([turned(entry) for entry in lines], lines * 2, lines[2:], [*lines[2:], *lines[2:]]):
        assert kinds(books.entries_fit(wrong, LOG)) == [Kind.LEDGER_DIFFERS]


def test_a_payment_without_any_lines_or_lines_without_a_payment_are_found() -> None:
    assert kinds(books.entries_fit([], LOG)) == [Kind.LEDGER_DIFFERS]
    assert kinds(books.entries_fit(entries(PAYMENT), log())) == [Kind.LEDGER_DIFFERS]


def test_a_balance_that_is_not_the_sum_of_its_lines_is_found() -> None:
    sums = {("demo", "a"): 5, ("demo", "b"): -5}
    assert [v.cents for v in books.balances_fit(sums | {("demo", "a"): 4}, sums)] == [1, 1]
    # Two wrongs that sum to zero are still two wrongs.
    assert [v.cents for v in books.balances_fit({("demo", "a"): 6, ("demo", "b"): -6}, sums)] == [1, 1]
    assert kinds(books.balances_fit({}, sums)) == [Kind.IMBALANCE] * 2


@pytest.mark.parametrize(
    ("orders", "transfers"),
    [
        (PAID, [transfer()]),
        ((*PAID, returned()), [transfer("returned")]),
        ((MARCH, claimed(), rejected()), [transfer("rejected")]),
        ((MARCH, claimed(), rejected()), []),
        ((MARCH, cancelled()), []),
        ((MARCH, claimed()), [transfer("in_progress")]),
    ],
)
def test_a_bank_that_agrees_is_not_accused(orders: tuple[Order, ...], transfers: list[Transfer]) -> None:
    assert kinds(bank.transfers_fit(transfers, log(*orders))) == []


def test_two_transfers_of_one_payment_are_a_double_transfer() -> None:
    found = bank.transfers_fit([transfer(), transfer(attempt=2)], LOG)
    assert [(v.kind, v.payment_id) for v in found] == [(Kind.DOUBLE_TRANSFER, MARCH.payment_id)]
    # Also of one that is not at its end yet.
    assert kinds(bank.transfers_fit([transfer(), transfer(attempt=2)], log(MARCH, claimed()))) == [Kind.DOUBLE_TRANSFER]


@pytest.mark.parametrize("state", ["settled", "in_progress", "returned", "rejected"])
def test_any_transfer_of_a_cancelled_payment_is_found(state: str) -> None:
    assert kinds(bank.transfers_fit([transfer(state)], log(MARCH, cancelled()))) == [Kind.PAID_AND_CANCELLED]


def test_a_completed_payment_without_a_transfer_is_found() -> None:
    for orders in (PAID, (*PAID, returned())):
        assert kinds(bank.transfers_fit([], log(*orders))) == [Kind.BANK_DIFFERS]


@pytest.mark.parametrize(
    ("orders", "state"),
    [
        (PAID, "in_progress"),
        (PAID, "returned"),
        ((MARCH, claimed(), rejected()), "settled"),
        ((*PAID, returned()), "settled"),
    ],
)
def test_a_bank_that_tells_another_outcome_is_found(orders: tuple[Order, ...], state: str) -> None:
    assert kinds(bank.transfers_fit([transfer(state)], log(*orders))) == [Kind.BANK_DIFFERS]


def test_another_amount_and_an_unknown_payment_are_found() -> None:
    assert kinds(bank.transfers_fit([transfer(amount_minor=1)], LOG)) == [Kind.BANK_DIFFERS]
    assert kinds(bank.transfers_fit([transfer()], log())) == [Kind.BANK_DIFFERS]


def test_a_bank_whose_own_books_do_not_balance_is_found() -> None:
    assert kinds(bank.books_balance(BALANCED)) == []
    for wrong in ({"entries_minor": 1}, {"balances_minor": -1}, {"credits_minor": 6}):
        assert kinds(bank.books_balance(BALANCED | wrong)) == [Kind.BANK_IMBALANCE]
    assert kinds(bank.transfers_fit([replace(transfer(), entries=4)], LOG)) == [Kind.BANK_IMBALANCE]


def rejection(offset: int) -> Rejection:
    return Rejection(
        topic="payment-commands", partition=1, offset=offset, key=None, reason="undecodable", detail="", raw=b"x",
        raw_bytes=1, raw_sha256=hashlib.sha256(b"x").digest(), rejected_at_us=1, payment_id=OTHER_COMMAND,
    )  # fmt: skip


def test_poison_that_is_not_among_the_rejections_is_found() -> None:
    poison = [(("payment-commands", 1, 7), "garbage"), (("payment-commands", 1, 8), "json")]
    assert kinds(refused.poison_is_refused(poison, [rejection(7), rejection(8)])) == []
    (found,) = refused.poison_is_refused(poison, [rejection(7)])
    assert found.kind is Kind.POISON_SWALLOWED
    assert "json at payment-commands-1@8" in found.detail


def test_a_record_that_is_refused_twice_is_found() -> None:
    assert kinds(refused.refused_once([rejection(7), rejection(8)])) == []
    (found,) = refused.refused_once([rejection(7), rejection(8), rejection(7)])
    assert (found.kind, found.payment_id) == (Kind.DOUBLED_REJECTION, OTHER_COMMAND)
