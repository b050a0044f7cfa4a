"""Refunds of a payment: what is reserved, paid and free again, in whatever order refunds, returns and reports come."""

from __future__ import annotations

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from payments.commands import CancelPayment, InitiateRefund, Order, RailReport, RefundOutcome, RefundReport, Report
from payments.decision import Moved, Unchanged
from payments.history import illegal_moves, turned_times, unlike_its_history
from payments.idempotency import KEY_CHARACTERS_MAX, refund_report_id, report_id
from payments.ledger import Direction, postings
from payments.lifecycle import Refunding, decide
from payments.payment import EventType, Payment, Status
from payments.refunds import REFUNDS_MAX, RefundState, left_minor, refunds_of
from payments.refusals import (
    IllegalMove,
    InvalidCommand,
    KeyReusedWithOtherBody,
    PaymentUnknown,
    RefundOfRefund,
    RefundTooLarge,
    RefundUnknown,
    TooManyRefunds,
)
from schemas.codec import encode
from schemas.topics import RECORD_BYTES_MAX
from tests.unit.payments.histories import (
    IN_EACH_STATUS,
    MARCH,
    OTHER_COMMAND,
    PAYEE,
    PAYER,
    T0_US,
    claimed,
    moved,
    refund,
    refund_told,
    refused,
    replay,
    returned,
    settled,
)
from tests.unit.payments.test_lifecycle import LEGAL

COMPLETED = IN_EACH_STATUS[Status.COMPLETED]
PAID, FAILED, CANCELLED, SENT_BACK = (
    RefundOutcome.COMPLETED,
    RefundOutcome.FAILED,
    RefundOutcome.CANCELLED,
    RefundOutcome.RETURNED,
)


def command_id(number: int) -> str:
    return str(UUID(int=number))


def refund_made(payment: Payment, order: Order) -> tuple[Payment, Payment]:
    """Return the payment with the refund reserved, and the refund."""
    decision = decide(order, payment)
    assert isinstance(decision, Moved)
    [command] = decision.orders
    return decision.payment, moved(decide(command, None))


def test_a_refund_is_a_payment_in_the_other_direction_known_before_it_is_stored() -> None:
    order = replace(refund(amount_minor=2_500), description="too much", metadata_json='{"why":"heating"}')
    original, made = refund_made(COMPLETED, order)
    assert (original.status, original.refunded_minor) == (Status.COMPLETED, 0)
    assert original.last.event_type is EventType.REFUND_INITIATED
    assert original.last.changes == {
        "refund_id": order.refund_id,
        "refund_key": "back",
        "refund_fingerprint": order.fingerprint.hex(),
        "refund_amount": "25.00",
    }
    head = made.head
    assert (made.payment_id, made.status, made.created_by) == (order.refund_id, Status.PENDING, order.command_id)
    assert (head.refund_of, head.payer_account_id, head.payee_account_id) == (original.payment_id, PAYEE, PAYER)
    assert (head.amount_minor, head.lease_id, head.payment_rail_type) == (2_500, MARCH.lease_id, "standard_ach")
    assert (head.description, head.metadata_json, head.fingerprint) == (
        "too much",
        '{"why":"heating"}',
        order.fingerprint,
    )
    assert head.initiated_at_us == original.updated_at_us
    assert made.transitions[0].changes == {"refund_of_key": MARCH.idempotency_key}


def test_without_an_amount_all_that_is_left_is_refunded() -> None:
    part = moved(decide(refund("part", amount_minor=50_000, command_id=command_id(1)), COMPLETED))
    _, made = refund_made(part, refund("rest", command_id=command_id(2)))
    assert made.head.amount_minor == 100_000
    full = moved(decide(refund("rest", command_id=command_id(2)), part))
    nothing = refused(decide(refund("more", command_id=command_id(3)), full))
    assert isinstance(nothing, RefundTooLarge)
    assert nothing.left == "0.00"


@pytest.mark.parametrize("amount_minor", [100_001, 150_000, 100_000_000])
def test_more_than_is_left_is_refused_whether_it_is_paid_or_only_reserved(amount_minor: int) -> None:
    reserved = moved(decide(refund("part", amount_minor=50_000, command_id=command_id(1)), COMPLETED))
    paid = moved(decide(refund_told(PAID, "part"), reserved))
    for payment in (reserved, paid):
        refusal = refused(decide(refund("more", amount_minor=amount_minor, command_id=command_id(2)), payment))
        assert isinstance(refusal, RefundTooLarge)
        assert (refusal.left, refusal.errors[0].field) == ("1000.00", "amount")
        assert isinstance(decide(refund("more", amount_minor=100_000, command_id=command_id(2)), payment), Moved)


def test_a_key_has_one_refund_whatever_has_become_of_it() -> None:
    order = refund(amount_minor=150_000)
    reserved = moved(decide(order, COMPLETED))
    again = replace(order, command_id=command_id(7), requested_at_us=T0_US)
    other_bodies = [
        replace(again, amount_minor=1),
        replace(again, amount_minor=None),
        replace(again, description="x"),
        replace(again, metadata_json='{"a":1}'),
    ]
    for payment in (
        reserved,
        moved(decide(refund_told(PAID), reserved)),
        moved(decide(refund_told(FAILED), reserved)),
        moved(decide(returned(), reserved)),
    ):
        assert decide(order, payment) == Unchanged(payment=payment)
        assert decide(again, payment) == Unchanged(payment=payment)
        for body in other_bodies:
            assert isinstance(refused(decide(body, payment)), KeyReusedWithOtherBody)


def test_a_refund_of_a_refund_of_nothing_or_of_what_never_completed_is_refused() -> None:
    _, made = refund_made(COMPLETED, refund())
    of_refund = replace(refund(), idempotency_key=made.head.idempotency_key)
    assert isinstance(refused(decide(of_refund, made)), RefundOfRefund)
    assert isinstance(refused(decide(refund(), None)), PaymentUnknown)
    assert isinstance(refused(decide(refund_told(PAID), None)), PaymentUnknown)
    assert isinstance(refused(decide(refund_told(PAID), COMPLETED)), RefundUnknown)


def test_a_refund_that_no_payment_has_reserved_cannot_be_asked_for() -> None:
    forged = replace(MARCH, idempotency_key="directpay:refund:1", refund_of=MARCH.payment_id)
    refusal = refused(decide(forged, None))
    assert isinstance(refusal, InvalidCommand)
    assert refusal.errors[0].field == "refund_of"


def test_a_payment_has_a_bounded_number_of_refunds_those_that_failed_among_them() -> None:
    payment = COMPLETED
    keys = [f"{number:03}".ljust(KEY_CHARACTERS_MAX, "🏠") for number in range(REFUNDS_MAX)]
    for number, key in enumerate(keys):
        payment = moved(decide(refund(key, amount_minor=1, command_id=command_id(number)), payment))
        for outcome in (PAID, SENT_BACK):
            payment = moved(decide(refund_told(outcome, key), payment))
    one_more = refund("one more", amount_minor=1, command_id=command_id(REFUNDS_MAX))
    assert isinstance(refused(decide(one_more, payment)), TooManyRefunds)
    assert decide(refund(keys[0], amount_minor=1, command_id=command_id(0)), payment) == Unchanged(payment=payment)
    # With the longest keys that there are, and each paid and sent back: the record has room for what else there may be.
    assert len(encode(payment)) < RECORD_BYTES_MAX / 2


# Payments that know of a refund: in which state it is, and where they stand. More cannot be, since a refund is asked of
# a completed payment only, and a payment that is refunded has none on its way.
def _knowing() -> dict[tuple[Status, RefundState], Payment]:
    reserved = replay(MARCH, claimed(), settled(), refund(amount_minor=50_000))
    paid = moved(decide(refund_told(PAID), reserved))
    free = moved(decide(refund_told(FAILED), reserved))
    rest = refund("rest", amount_minor=100_000, command_id=command_id(1))
    refunded = replay(MARCH, claimed(), settled(), refund(amount_minor=50_000), refund_told(PAID), rest)
    return {
        (Status.COMPLETED, RefundState.RESERVED): reserved,
        (Status.COMPLETED, RefundState.PAID): paid,
        (Status.COMPLETED, RefundState.FREE): free,
        (Status.RETURNED, RefundState.RESERVED): moved(decide(returned(), reserved)),
        (Status.RETURNED, RefundState.PAID): moved(decide(returned(), paid)),
        (Status.RETURNED, RefundState.FREE): moved(decide(returned(), free)),
        (Status.REFUNDED, RefundState.PAID): moved(decide(refund_told(PAID, "rest"), refunded)),
    }


KNOWING = _knowing()
# What an outcome asks of the payment, and by how many cents it changes what is refunded.
ASKS = {
    (RefundState.RESERVED, PAID): (Refunding.PAID_IN_PART, 50_000),
    (RefundState.RESERVED, FAILED): (Refunding.UNPAID, 0),
    (RefundState.RESERVED, CANCELLED): (Refunding.UNPAID, 0),
    # Its completion was put aside and will be heard later: then nothing is refunded by it any more.
    (RefundState.RESERVED, SENT_BACK): (Refunding.UNPAID, 0),
    (RefundState.PAID, SENT_BACK): (Refunding.SENT_BACK, -50_000),
}


@pytest.mark.parametrize(("known", "outcome"), list(product(KNOWING, RefundOutcome)), ids=str)
def test_every_outcome_of_a_refund_is_heard_in_every_status_or_refused(
    known: tuple[Status, RefundState], outcome: RefundOutcome
) -> None:
    payment, (status, state) = KNOWING[known], known
    report = refund_told(outcome, sequence=9)
    decision = decide(report, payment)
    if (state, outcome) not in ASKS:
        refusal = refused(decision)
        assert isinstance(refusal, IllegalMove)
        assert refusal.status == status.value
        return
    asked, change_minor = ASKS[state, outcome]
    after = moved(decision)
    assert (after.status.value, after.last.event_type.value) == LEGAL[status.value, asked.value]
    assert after.refunded_minor == payment.refunded_minor + change_minor
    assert (after.failure, after.attempt, after.head) == (payment.failure, payment.attempt, payment.head)
    assert after.last.changes == {
        "refund_id": refund().refund_id,
        "refund_amount": "500.00",
        "refund_status": outcome.value,
    }
    assert decide(report, after) == Unchanged(payment=after)


def test_a_command_id_of_a_callers_choice_silences_no_report_and_no_other_refund() -> None:
    part, made = refund_made(COMPLETED, refund("part", amount_minor=100, command_id=command_id(1)))
    report_to_come = refund_report_id(made.payment_id, 3)
    both = moved(decide(refund("other", amount_minor=1, command_id=report_to_come), part))
    assert moved(decide(refund_told(PAID, "part"), both)).refunded_minor == 100
    return_to_come = report_id(MARCH.payment_id, 1, "returned")
    reserved = moved(decide(refund("other", amount_minor=1, command_id=return_to_come), COMPLETED))
    assert moved(decide(returned(), reserved)).status is Status.RETURNED
    twice = decide(refund("anew", amount_minor=1, command_id=command_id(1)), part)
    assert isinstance(twice, Moved), "another refund, whatever its command is called"


def test_the_last_refund_makes_the_payment_refunded_and_one_that_comes_back_completed_again() -> None:
    payment = replay(MARCH, claimed(), settled(), refund(), refund_told(PAID))
    assert (payment.status, payment.refunded_minor) == (Status.REFUNDED, 150_000)
    again = moved(decide(refund_told(SENT_BACK), payment))
    assert (again.status, again.refunded_minor) == (Status.COMPLETED, 0)
    assert isinstance(decide(refund("anew", command_id=command_id(1)), again), Moved)


def test_a_return_of_a_refunded_payment_is_heard_and_says_that_it_went_back_twice() -> None:
    payment = replay(MARCH, claimed(), settled(), refund(), refund_told(PAID), returned())
    assert (payment.status, payment.refunded_minor) == (Status.RETURNED, 150_000)
    assert payment.failure is not None


def test_a_return_cancels_the_refunds_on_their_way_and_no_others() -> None:
    part, made = refund_made(COMPLETED, refund("part", amount_minor=50_000, command_id=command_id(1)))
    other = moved(decide(refund("other", amount_minor=1, command_id=command_id(2)), part))
    payment = moved(decide(refund_told(PAID, "other"), other))
    decision = decide(returned(), payment)
    assert isinstance(decision, Moved)
    [cancel] = decision.orders
    assert isinstance(cancel, CancelPayment)
    assert cancel.payment_id == made.payment_id
    stopped = decide(cancel, made)
    assert isinstance(stopped, Moved)
    [report] = stopped.orders
    assert isinstance(report, RefundReport)
    after = moved(decide(report, decision.payment))
    assert (after.status, after.last.event_type) == (Status.RETURNED, EventType.REFUND_FAILED)
    assert after.last.changes["refund_status"] == "cancelled"


@pytest.mark.parametrize("payment", IN_EACH_STATUS.values(), ids=lambda payment: payment.status.value)
def test_a_payment_that_is_no_refund_tells_nobody(payment: Payment) -> None:
    for report in Report:
        order = RailReport(
            tenant_id=MARCH.tenant_id,
            idempotency_key=MARCH.idempotency_key,
            attempt=3,
            report=report,
            occurred_at_us=T0_US,
            code="R01",
        )
        decision = decide(order, payment)
        assert not isinstance(decision, Moved) or decision.orders == ()


class World:
    """A payment and its refunds, and what they have told each other and what has not arrived yet."""

    def __init__(self) -> None:
        self.payments = {MARCH.payment_id: COMPLETED}
        self.on_their_way: list[Order] = []
        self.arrived: list[Order] = []

    @property
    def original(self) -> Payment:
        return self.payments[MARCH.payment_id]

    @property
    def refunds(self) -> list[Payment]:
        return [payment for payment in self.payments.values() if payment.head.refund_of is not None]

    def decide(self, order: Order) -> None:
        decision = decide(order, self.payments.get(order.payment_id))
        if isinstance(decision, Moved):
            self.payments[order.payment_id] = decision.payment
            self.on_their_way += decision.orders
            self.check(decision.payment)

    def arrive(self, place: int) -> None:
        """Let one of the orders arrive: what goes to the same payment on the same topic keeps its order."""
        lane: dict[tuple[str, bool], Order] = {}
        for order in self.on_their_way:
            lane.setdefault((order.key, isinstance(order, RefundReport)), order)
        order = list(lane.values())[place % len(lane)]
        self.on_their_way.remove(order)
        self.arrived.append(order)
        self.decide(order)

    def check(self, payment: Payment) -> None:
        assert [*illegal_moves(payment), *turned_times(payment), *unlike_its_history(payment)] == []
        lines = [line for step in payment.transitions for line in postings(payment.head, step)]
        assert sum(line.amount_minor * (1 if line.direction is Direction.DEBIT else -1) for line in lines) == 0
        original = self.original
        left = left_minor(original, refunds_of(original))
        assert 0 <= left <= original.head.amount_minor
        assert sum(r.head.amount_minor for r in self.refunds if r.status is Status.COMPLETED) <= MARCH.amount_minor
        assert (original.status is Status.REFUNDED) <= (original.refunded_minor == original.head.amount_minor)

    def settle(self) -> None:
        while self.on_their_way:
            self.arrive(0)


refund_orders = st.builds(
    refund,
    st.sampled_from(["a", "b", "c", "d"]),
    amount_minor=st.none() | st.sampled_from([1, 50_000, 75_000, 150_000, 150_001]),
    command_id=st.integers(0, 2**32).map(command_id),
)
steps = st.lists(
    st.tuples(st.just("refund"), refund_orders)
    | st.tuples(st.just("arrive"), st.integers(0, 5))
    | st.tuples(st.just("again"), st.integers(0, 50))
    | st.tuples(st.sampled_from(Report), st.integers(0, 3))
    | st.tuples(st.just("cancel"), st.integers(0, 3))
    | st.tuples(st.just("return"), st.none()),
    max_size=40,
)


@given(steps)
def test_never_more_than_was_paid_is_refunded_or_reserved_in_whatever_order_things_happen(
    story: list[tuple[str | Report, object]],
) -> None:
    world = World()
    for what, detail in story:
        _happen(world, what, detail)
    world.settle()
    of_original = refunds_of(world.original)
    by_status = {made.payment_id: made.status for made in world.refunds}
    assert set(by_status) == set(of_original), "each refund that was reserved was made, once, and no other"
    means = {RefundState.RESERVED: {Status.PENDING, Status.PROCESSING}, RefundState.PAID: {Status.COMPLETED}}
    for refund_id, known in of_original.items():
        ended = {Status.FAILED, Status.CANCELLED, Status.RETURNED}
        assert by_status[refund_id] in means.get(known.state, ended)
    completed = [made.head.amount_minor for made in world.refunds if made.status is Status.COMPLETED]
    assert world.original.refunded_minor == sum(completed)


def _happen(world: World, what: str | Report, detail: object) -> None:
    made = world.refunds
    if what == "refund":
        assert not isinstance(detail, int | None)
        world.decide(detail)  # type: ignore[arg-type]
    elif what == "return":
        world.decide(returned())
    elif not isinstance(detail, int):
        raise AssertionError(what)
    elif what == "arrive":
        if world.on_their_way:
            world.arrive(detail)
    elif what == "again":
        if world.arrived:
            world.decide(world.arrived[detail % len(world.arrived)])
    elif made:
        world.decide(_of_refund(made[detail % len(made)], what))


def _of_refund(made: Payment, what: str | Report) -> Order:
    head = made.head
    if isinstance(what, Report):
        return RailReport(
            tenant_id=head.tenant_id,
            idempotency_key=head.idempotency_key,
            attempt=1,
            report=what,
            occurred_at_us=T0_US,
            code="R01",
        )
    return CancelPayment(
        tenant_id=head.tenant_id, idempotency_key=head.idempotency_key, cancel_key="stop", requested_at_us=T0_US
    )


def test_the_command_of_a_refund_repeated_makes_no_second() -> None:
    decision = decide(refund(), COMPLETED)
    assert isinstance(decision, Moved)
    [command] = decision.orders
    assert isinstance(command, InitiateRefund)
    made = moved(decide(command, None))
    assert decide(command, made) == Unchanged(payment=made)
    other = replace(command, fingerprint=b"\0" * 32, command_id=OTHER_COMMAND[:-1] + "3")
    assert isinstance(refused(decide(other, made)), KeyReusedWithOtherBody)
