"""What a payment's history must be, told without deciding it: silent of every decided one, and of no other."""

from __future__ import annotations

from hypothesis import given
from msgspec.structs import replace

from payments.commands import Order, RefundOutcome
from payments.history import illegal_moves, turned_times, unlike_its_history
from payments.payment import EventType, Failure, Payment, Status, Transition
from tests.unit.payments.histories import (
    MARCH,
    after_all,
    claimed,
    lives,
    refund,
    refund_told,
    rejected,
    replay,
    settled,
)


def with_step(payment: Payment, number: int, **changes: object) -> Payment:
    steps = list(payment.transitions)
    steps[number - 1] = replace(steps[number - 1], **changes)
    return replace(payment, status=steps[-1].new_status, transitions=tuple(steps))


def wrongs(payment: Payment) -> list[str]:
    return [*illegal_moves(payment), *turned_times(payment), *unlike_its_history(payment)]


@given(lives)
def test_nothing_is_wrong_with_what_was_decided(orders: list[Order]) -> None:
    for payment in after_all(orders):
        assert wrongs(payment) == []


def test_a_move_that_the_lifecycle_lacks_is_told() -> None:
    payment = with_step(replay(MARCH, claimed(), settled()), 3, new_status=Status.CANCELLED)
    [wrong] = illegal_moves(payment)
    assert "payment_completed from processing to cancelled" in wrong


def test_a_history_with_a_gap_is_told() -> None:
    first, _, last = replay(MARCH, claimed(), settled()).transitions
    jumped = Transition(**{name: getattr(last, name) for name in last.__struct_fields__} | {"sequence": 2})
    payment = replace(replay(MARCH), status=Status.COMPLETED, transitions=(first, jumped), attempt=1)
    [wrong] = illegal_moves(payment)
    assert wrong.startswith("transition 2 is number 2, payment_completed from processing")
    assert wrong.endswith("in status pending")


def test_a_history_that_does_not_begin_at_its_beginning_is_told() -> None:
    payment = with_step(replay(MARCH), 1, event_type=EventType.PROCESSING)
    assert "payment_processing from nothing to pending, in status nothing" in next(illegal_moves(payment))


def test_a_time_that_does_not_increase_is_told() -> None:
    payment = replay(MARCH, claimed(), settled())
    turned = with_step(payment, 3, occurred_at_us=payment.transitions[1].occurred_at_us)
    assert list(turned_times(turned)) == ["transition 3 is not later than the one before"]


def test_a_snapshot_that_its_history_does_not_tell_of_is_told() -> None:
    payment = replay(MARCH, claimed(), rejected(code="R03"))
    assert payment.failure is not None
    [wrong] = unlike_its_history(replace(payment, failure=Failure(code="R01", reason="no account", source="rail")))
    assert wrong == "the snapshot's failure is not the one in its history"
    assert list(unlike_its_history(replace(payment, failure=None)))
    assert list(unlike_its_history(replace(payment, attempt=2))) == ["the snapshot is of attempt 2, its history of 1"]


def test_a_refund_that_the_history_does_not_tell_of_or_not_alike_is_told() -> None:
    payment = replay(MARCH, claimed(), settled(), refund(amount_minor=100), refund_told(RefundOutcome.COMPLETED))
    assert list(unlike_its_history(replace(payment, refunded_minor=0))) == [
        "the snapshot has 0.00 refunded, its history 1.00"
    ]
    asked = payment.transitions[3].changes
    lost = with_step(payment, 4, changes={name: asked[name] for name in asked if name != "refund_amount"})
    unread = "its history tells of a refund that was not asked for, or not of how much"
    assert list(unlike_its_history(lost)) == [unread]
    other = with_step(payment, 5, changes=dict(payment.last.changes) | {"refund_id": MARCH.payment_id})
    assert list(unlike_its_history(other)) == [unread]


def test_more_refunded_than_was_paid_is_told() -> None:
    payment = replay(MARCH, claimed(), settled(), refund(amount_minor=100))
    asked = dict(payment.last.changes)
    too_much = with_step(payment, 4, changes=asked | {"refund_amount": "1500.01"})
    assert list(unlike_its_history(too_much)) == ["0.01 more than was paid is refunded or reserved"]


def test_a_status_that_does_not_fit_what_was_refunded_is_told() -> None:
    def called(payment: Payment, status: Status) -> Payment:
        last = replace(payment.last, new_status=status)
        return replace(payment, status=status, transitions=(*payment.transitions[:-1], last))

    part = replay(MARCH, claimed(), settled(), refund(amount_minor=100), refund_told(RefundOutcome.COMPLETED))
    assert list(unlike_its_history(called(part, Status.REFUNDED))) == [
        "it is refunded, and its history has 1.00 refunded"
    ]
    whole = replay(MARCH, claimed(), settled(), refund(), refund_told(RefundOutcome.COMPLETED))
    assert list(unlike_its_history(called(whole, Status.COMPLETED))) == [
        "it is completed, and its history has 1500.00 refunded"
    ]
