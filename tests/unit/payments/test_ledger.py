from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from msgspec.structs import replace

from payments.commands import Order, ReportSource
from payments.ledger import SUSPENSE, Direction, Posting, bank_account, clearing, is_account, postings
from payments.lifecycle import decide
from payments.payment import Payment, Status
from payments.refunds import refund_command
from tests.unit.payments.histories import (
    IN_EACH_STATUS,
    MARCH,
    PAYEE,
    PAYER,
    after_all,
    cancelled,
    claimed,
    initiated,
    lives,
    moved,
    refund,
    rejected,
    replay,
    returned,
    settled,
)

IN_FLIGHT = clearing("standard_ach")


def lines(payment: Payment) -> list[Posting]:
    return [line for transition in payment.transitions for line in postings(payment.head, transition)]


def balances(payment: Payment) -> dict[str, int]:
    """Return what each account was credited less what it was debited, where that is not zero."""
    totals: Counter[str] = Counter()
    for line in lines(payment):
        totals[line.account] += line.amount_minor if line.direction is Direction.CREDIT else -line.amount_minor
    return {account: total for account, total in totals.items() if total}


def test_a_payment_that_is_asked_for_or_cancelled_moves_nothing() -> None:
    assert lines(initiated()) == []
    assert lines(replay(MARCH, cancelled())) == []


def test_a_claimed_payment_is_in_flight_on_its_rail() -> None:
    assert balances(replay(MARCH, claimed())) == {bank_account(PAYER): -150_000, IN_FLIGHT: 150_000}


def test_a_completed_payment_has_gone_from_payer_to_payee() -> None:
    completed = replay(MARCH, claimed(), settled())
    assert balances(completed) == {bank_account(PAYER): -150_000, bank_account(PAYEE): 150_000}
    assert postings(completed.head, completed.last) == (
        Posting(line=1, account=IN_FLIGHT, direction=Direction.DEBIT, amount_minor=150_000),
        Posting(line=2, account=bank_account(PAYEE), direction=Direction.CREDIT, amount_minor=150_000),
    )


def test_a_return_after_completion_reverses_the_ledger() -> None:
    payment = replay(MARCH, claimed(), settled(), returned())
    assert balances(payment) == {}
    assert [line.line for line in postings(payment.head, payment.last)] == [1, 2, 3, 4]


@pytest.mark.parametrize("outcome", [rejected(), returned()], ids=["rejected", "returned"])
def test_a_failure_after_the_claim_gives_the_payer_the_money_back(outcome: Order) -> None:
    payment = replay(MARCH, claimed(), outcome)
    assert payment.status is Status.FAILED
    assert balances(payment) == {}
    assert len(lines(payment)) == 4


def test_a_failure_before_the_claim_moves_nothing() -> None:
    assert lines(replay(MARCH, rejected(code="account_not_found", source=ReportSource.DIRECTPAY))) == []


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([cancelled(), settled()], {IN_FLIGHT: -150_000, SUSPENSE: 150_000}),
        ([claimed(), rejected(), settled()], {IN_FLIGHT: -150_000, SUSPENSE: 150_000}),
        ([claimed(), rejected(), settled(), settled(attempt=2)], {IN_FLIGHT: -300_000, SUSPENSE: 300_000}),
        (
            [claimed(), settled(), settled(attempt=2)],
            {bank_account(PAYER): -150_000, bank_account(PAYEE): 150_000, IN_FLIGHT: -150_000, SUSPENSE: 150_000},
        ),
        ([claimed(), settled(), returned(), settled(attempt=2)], {IN_FLIGHT: -150_000, SUSPENSE: 150_000}),
    ],
    ids=["cancelled", "failed", "failed, twice", "completed", "returned"],
)
def test_money_that_should_not_have_arrived_is_in_suspense_and_never_away(
    history: list[Order], expected: dict[str, int]
) -> None:
    assert balances(replay(MARCH, *history)) == expected


def test_a_refund_moves_money_by_its_own_transitions_and_not_by_the_originals() -> None:
    payment = IN_EACH_STATUS[Status.REFUNDED]
    steps = [postings(payment.head, step) for step in payment.transitions[3:]]
    assert steps == [(), ()]
    completed = replay(MARCH, claimed(), settled())
    made = replay(refund_command(refund(), completed, 150_000))
    for report in (claimed(), settled()):
        made = moved(decide(replace(report, idempotency_key=made.head.idempotency_key), made))
    both = Counter(balances(payment))
    both.update(balances(made))
    assert set(both.values()) == {0}, "what was paid and given back is where it was"


@given(lives)
def test_debits_equal_credits_at_every_transition_of_any_life(life: list[Order]) -> None:
    for payment in after_all(life):
        entries = postings(payment.head, payment.last)
        debited = sum(line.amount_minor for line in entries if line.direction is Direction.DEBIT)
        credited = sum(line.amount_minor for line in entries if line.direction is Direction.CREDIT)
        assert debited == credited
        assert all(line.amount_minor > 0 for line in entries)
        assert [line.line for line in entries] == list(range(1, len(entries) + 1))
        assert sum(balances(payment).values()) == 0


@given(lives)
def test_what_the_bank_accounts_say_is_what_the_status_says(life: list[Order]) -> None:
    payer, payee = bank_account(PAYER), bank_account(PAYEE)
    for payment in after_all(life):
        amount, money = payment.head.amount_minor, balances(payment)
        match payment.status:
            case Status.COMPLETED | Status.REFUNDED:
                assert (money.get(payer, 0), money.get(payee, 0)) == (-amount, amount)
            case Status.PROCESSING:
                assert (money.get(payer, 0), money.get(payee, 0)) == (-amount, 0)
                assert money[clearing(payment.head.payment_rail_type)] == amount
            case _:
                assert (money.get(payer, 0), money.get(payee, 0)) == (0, 0)
        # What suspense holds is what the rail's clearing account lacks.
        if payment.status is not Status.PROCESSING:
            assert money.get(SUSPENSE, 0) == -money.get(clearing(payment.head.payment_rail_type), 0) >= 0


@given(lives)
def test_every_line_is_on_an_account_that_the_ledger_knows(orders: list[Order]) -> None:
    assert all(is_account(line.account) for line in lines(after_all(orders)[-1]))


@pytest.mark.parametrize(
    "text",
    ["", "suspense:", "Suspense", "clearing:", "clearing:pigeon", "clearing:wire ", "bank_account:", "bank_account:1",
     "bank_account:ABCDEF00-1111-4111-8111-111111111111", PAYER, f"bank_account:{PAYER}:x", "cash"],
)  # fmt: skip
def test_other_text_names_no_account(text: str) -> None:
    assert not is_account(text)
