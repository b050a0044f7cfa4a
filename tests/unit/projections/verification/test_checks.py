"""What must hold of payments of the log, entities, refusals, balances and positions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as struct_replace

from payments.commands import Order
from payments.payment import Payment
from projections.verification.checks import (
    CLOCKS_APART_US,
    Balance,
    Position,
    Sums,
    balance_faults,
    delivery_faults,
    history_faults,
    outcome_faults,
    position_faults,
)
from projections.verification.expected import DELIVERIES, OUTCOMES, delivery_row, outcome_row
from projections.verification.faults import Kind
from projections.views.command_outcomes import outcome_key
from projections.views.payments import Snapshot
from projections.views.webhook_deliveries import delivery_key
from schemas.partitioning import partition_of
from tests.unit.payments.histories import MARCH, T0_US, after_all, claimed, lives, replay, settled
from tests.unit.payments.test_redrive import FAILED
from tests.unit.projections.deliveries import RETRYING

PARTITIONS = 8
HOME = partition_of(MARCH.key, PARTITIONS)
NOW_US = T0_US + 10**12
POSITION = Position(
    topic="payment-events", partition=2, topic_id="t", next=90, log_end=100, checked_at_us=NOW_US, record_at_us=T0_US
)
BALANCE = Balance(
    tenant_id="demo",
    account="suspense",
    currency="USD",
    partition=2,
    stored=Sums(debits_minor=100, credits_minor=250),
    lines=Sums(debits_minor=100, credits_minor=250),
    rows=1,
    payment_id="p",
)


def kinds(payment: Payment, *, payment_id: str = MARCH.payment_id, partition: int = HOME) -> set[Kind]:
    snapshot = Snapshot(payment_id=payment_id, partition=partition, payment=payment)
    return {fault.kind for fault in history_faults(snapshot, PARTITIONS)}


@given(lives)
def test_a_decided_payment_has_no_faults(orders: list[Order]) -> None:
    for payment in after_all(orders):
        assert kinds(payment) == set()


@given(lives, st.data())
def test_a_history_that_was_changed_breaks_its_chain(orders: list[Order], data: st.DataObject) -> None:
    payment = data.draw(st.sampled_from(after_all(orders)))
    number = data.draw(st.integers(0, len(payment.transitions) - 1))
    change: dict[str, object] = data.draw(
        st.sampled_from(
            [
                {"occurred_at_us": payment.transitions[number].occurred_at_us + 1},
                {"caused_by": MARCH.payment_id},
                {"changes": {"by": "hand"}},
                {"hash": b"h" * 32},
            ]
        )
    )
    steps = list(payment.transitions)
    steps[number] = struct_replace(steps[number], **change)
    assert Kind.CHAIN in kinds(struct_replace(payment, transitions=tuple(steps)))


@given(lives, st.integers(1, 10**6))
def test_a_head_that_was_changed_breaks_the_chain(orders: list[Order], more_minor: int) -> None:
    payment = after_all(orders)[-1]
    head = struct_replace(payment.head, amount_minor=payment.head.amount_minor + more_minor)
    assert kinds(struct_replace(payment, head=head)) == {Kind.CHAIN}


def test_a_record_away_from_home_is_told() -> None:
    payment = replay(MARCH, claimed(), settled())
    assert kinds(payment, partition=(HOME + 1) % PARTITIONS) == {Kind.MISPLACED}
    assert kinds(payment, payment_id="11111111-1111-4111-8111-111111111111") == {Kind.MISPLACED}


@pytest.mark.parametrize(
    ("balance", "said"),
    [
        (
            replace(BALANCE, stored=None, rows=0),
            "its row is missing; its ledger lines (payment p has one) say debits 1.00",
        ),
        (
            replace(BALANCE, lines=None, payment_id=None),
            "its row says debits 1.00, credits 2.50; it has no ledger lines",
        ),
        (
            replace(BALANCE, stored=Sums(debits_minor=0, credits_minor=250)),
            "its row says debits 0.00, credits 2.50; its",
        ),
        (replace(BALANCE, rows=2), "its 2 rows say debits 1.00"),
    ],
)
def test_a_balance_that_is_not_its_lines_is_told(balance: Balance, said: str) -> None:
    [fault] = balance_faults(balance)
    assert (fault.kind, fault.subject) == (Kind.BALANCES, "suspense")
    assert f"account_balances of demo USD on partition 2: {said}" in fault.detail
    assert not list(balance_faults(BALANCE))


def positions(position: Position, *, log_end: int = 100, last_record_at_us: int | None = T0_US) -> int:
    found = position_faults(position, log_end=log_end, last_record_at_us=last_record_at_us, now_us=NOW_US)
    return len(list(found))


@pytest.mark.parametrize(
    "position",
    [
        replace(POSITION, next=101, log_end=101),
        replace(POSITION, log_end=89),
        replace(POSITION, log_end=101),
        replace(POSITION, checked_at_us=NOW_US + CLOCKS_APART_US + 1),
        replace(POSITION, record_at_us=T0_US - 1),
        replace(POSITION, record_at_us=None),
        replace(POSITION, record_at_us=NOW_US + CLOCKS_APART_US + 1),
    ],
)
def test_a_position_that_cannot_be_is_told(position: Position) -> None:
    assert positions(position) == 1


def test_positions_that_can_be_are_not_told() -> None:
    assert positions(POSITION) == 0
    assert positions(replace(POSITION, next=100)) == 0
    assert positions(replace(POSITION, next=0, log_end=0, record_at_us=None), last_record_at_us=None) == 0
    assert positions(replace(POSITION, record_at_us=T0_US + 5)) == 0, "a record that was compacted away was newer"


def test_a_refusal_is_judged_as_long_as_the_log_has_it() -> None:
    key, row = outcome_key(FAILED), outcome_row(FAILED)
    at_us = FAILED.rejected_at_us
    assert not list(outcome_faults(key, FAILED, [row], kept_since_us=0))
    assert not list(outcome_faults(key, None, [row], kept_since_us=at_us + 1))
    [added] = outcome_faults(key, None, [row], kept_since_us=at_us)
    assert "the log has no such row" in added.detail
    [missing] = outcome_faults(key, FAILED, [], kept_since_us=at_us + 1)
    assert "the row is missing" in missing.detail
    reason = OUTCOMES.columns.index("reason")
    [changed] = outcome_faults(key, FAILED, [(*row[:reason], "x", *row[reason + 1 :])], kept_since_us=at_us + 1)
    assert f"reason is 'x', the log says '{FAILED.reason}'" in changed.detail


def test_an_attempt_to_deliver_is_judged_as_long_as_log_and_views_keep_it() -> None:
    key, row, at_us = delivery_key(RETRYING), delivery_row(RETRYING), RETRYING.attempted_at_us
    assert not list(delivery_faults(key, RETRYING, [row], kept_since_us=0))
    for logged, stored, said in ((None, [row], "the log has no such row"), (RETRYING, [], "the row is missing")):
        assert not list(delivery_faults(key, logged, stored, kept_since_us=at_us + 1))
        [fault] = delivery_faults(key, logged, stored, kept_since_us=at_us)
        assert (fault.kind, fault.subject) == (Kind.DELIVERIES, RETRYING.payment_id)
        assert said in fault.detail
    error = DELIVERIES.columns.index("error")
    [changed] = delivery_faults(key, RETRYING, [(*row[:error], "x", *row[error + 1 :])], kept_since_us=at_us)
    assert "error differs" in changed.detail
    assert "'x'" not in changed.detail, "what an endpoint said is not shown"
