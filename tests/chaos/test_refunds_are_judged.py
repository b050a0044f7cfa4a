"""The oracle over refunds: silent on what is sound, and able to find each way in which too much could go back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace as change

import pytest
from msgspec.structs import replace

from chaos.answers import Answer, Ask, Channel, Said
from chaos.oracle import bank, books
from chaos.oracle import told as oracle
from chaos.oracle.bank import Transfer
from chaos.oracle.books import Sums
from chaos.oracle.history import Log
from chaos.oracle.refunds import Refunds
from chaos.oracle.told import CONFLICT
from chaos.oracle.violation import Kind, Violation
from payments.commands import CancelPayment, Order, RailReport
from payments.payment import Status, Transition
from tests.chaos.evidence import PAID, entries, log_of, snapshots, told
from tests.unit.payments.histories import MARCH, T0_US, claimed, refund, rejected, returned, settled

PART = refund("part", amount_minor=50_000, command_id="00000000-0000-4000-8000-000000000001")
REST = refund("rest", command_id="00000000-0000-4000-8000-000000000002")


def of_refund(order: RailReport, made: str = "part") -> RailReport:
    key = refund(made).refund_idempotency_key
    return replace(order, idempotency_key=key)


def transfer(payment_id: str, amount_minor: int, state: str = "settled") -> Transfer:
    lines = {"settled": 2, "returned": 4}.get(state, 0)
    return Transfer(reference=f"{payment_id}:1", amount_minor=amount_minor, state=state, entries=lines, entries_minor=0)


def kinds(violations: Iterable[Violation]) -> list[Kind]:
    return [violation.kind for violation in violations]


def judged(log: Log, *transfers: Transfer) -> list[Kind]:
    refunds = Refunds(log)
    list(refunds.watch(transfers))
    return kinds(refunds.fit())


PART_PAID = (of_refund(claimed()), of_refund(settled()))
REST_PAID = (of_refund(claimed(), "rest"), of_refund(settled(), "rest"))
CANCEL = CancelPayment(
    tenant_id="demo", idempotency_key=PART.refund_idempotency_key, cancel_key="stop", requested_at_us=T0_US
)  # fmt: skip


@pytest.mark.parametrize(
    "orders",
    [
        (*PAID, PART),
        (*PAID, PART, of_refund(claimed())),
        (*PAID, PART, *PART_PAID),
        (*PAID, PART, *PART_PAID, REST, *REST_PAID),
        (*PAID, PART, *PART_PAID, of_refund(returned()), REST),
        (*PAID, PART, of_refund(claimed()), of_refund(rejected())),
        (*PAID, PART, CANCEL, REST, *REST_PAID),
        (*PAID, PART, returned()),
        (*PAID, PART, of_refund(claimed()), returned(), of_refund(settled())),
    ],
)
def test_refunds_that_are_as_they_should_be_are_not_accused(orders: tuple[Order, ...]) -> None:
    kept = log_of(snapshots(*orders))
    assert kept.violations == []
    assert judged(kept) == []
    sums = Sums()
    lines = [entry for payment in sorted(kept.payments(), key=lambda p: p.payment_id) for entry in entries(payment)]
    assert kinds(books.entries_fit(sums.watch(lines), kept)) == []


def test_a_refunded_payment_agrees_with_a_bank_that_settled_it() -> None:
    kept = log_of(snapshots(*PAID, PART, *PART_PAID, REST, *REST_PAID))
    transfers = [
        transfer(MARCH.payment_id, 150_000), transfer(PART.refund_id, 50_000), transfer(REST.refund_id, 100_000),
    ]  # fmt: skip
    assert kinds(bank.transfers_fit(transfers, kept)) == []
    assert judged(kept, *transfers) == []


def test_a_payment_that_lets_too_much_go_back_is_found() -> None:
    *before, after = snapshots(*PAID, PART)
    made = next(payment for payment in (*before, after) if payment.head.refund_of is not None)
    original = next(payment for payment in (after, *reversed(before)) if payment.head.refund_of is None)
    last = original.last
    more = Transition.after(
        last.hash,
        sequence=last.sequence + 1,
        event_type=last.event_type,
        previous_status=Status.COMPLETED,
        new_status=Status.COMPLETED,
        occurred_at_us=last.occurred_at_us + 1,
        caused_by="00000000-0000-4000-8000-000000000009",
        changes=dict(last.changes) | {"refund_id": REST.refund_id, "refund_amount": "1000.01"},
    )
    over = replace(original, transitions=(*original.transitions, more))
    second = replace(
        made,
        head=replace(made.head, idempotency_key=REST.refund_idempotency_key, amount_minor=100_001),
    )
    assert judged(log_of([over, made, second])) == [Kind.OVER_REFUNDED]


def test_refunds_that_settled_at_the_bank_for_more_than_was_paid_are_found() -> None:
    kept = log_of(snapshots(*PAID, PART, *PART_PAID))
    assert judged(kept, transfer(PART.refund_id, 150_001)) == [Kind.OVER_REFUNDED]
    assert judged(kept, transfer(PART.refund_id, 150_001, "returned")) == []


def test_an_amount_that_stays_reserved_for_a_refund_that_ended_is_found() -> None:
    for ending in (PART_PAID, (CANCEL,)):
        kept = log_of(snapshots(*PAID, PART, *ending, deaf=True))
        assert Kind.RESERVED_LEFT in judged(kept)


def test_an_amount_that_is_reserved_for_a_refund_that_was_never_made_is_found() -> None:
    original_only = [payment for payment in snapshots(*PAID, PART) if payment.head.refund_of is None]
    assert judged(log_of(original_only)) == [Kind.RESERVED_LEFT]


def test_a_refund_of_nothing_known_or_of_another_amount_is_found() -> None:
    everything = snapshots(*PAID, PART)
    [made] = [payment for payment in everything if payment.head.refund_of is not None]
    assert judged(log_of([made])) == [Kind.REFUND_DIFFERS]
    assert judged(log_of([*snapshots(*PAID), made])) == [Kind.REFUND_DIFFERS]
    other = replace(made, head=replace(made.head, amount_minor=50_001))
    originals = [payment for payment in everything if payment.head.refund_of is None]
    assert judged(log_of([*originals, other])) == [Kind.REFUND_DIFFERS]


def test_a_refund_that_does_not_go_back_is_found() -> None:
    everything = snapshots(*PAID, PART)
    turned = [
        payment
        if payment.head.refund_of is None
        else replace(
            payment,
            head=replace(
                payment.head, payer_account_id=MARCH.payer_account_id, payee_account_id=MARCH.payee_account_id
            ),
        )
        for payment in everything
    ]
    assert judged(log_of(turned)) == [Kind.REFUND_DIFFERS]


def test_a_snapshot_that_tells_another_sum_than_its_refunds_is_found() -> None:
    everything = snapshots(*PAID, PART, *PART_PAID)
    assert everything[-1].refunded_minor == 50_000
    assert judged(log_of([*everything[:-1], replace(everything[-1], refunded_minor=0)])) == [Kind.REFUND_DIFFERS]


def answered(
    status: int | None, *, refund_minor: int | None = 50_000, code: str | None = None, channel: Channel = Channel.HTTP
) -> Answer:
    said = Said.UNKNOWN if status is None else Said.ACCEPTED if status < 300 else Said.REFUSED
    return Answer(
        at_us=1, channel=channel, ask=Ask.REFUND, payment_id=PART.refund_id, said=said, status=status, code=code,
        refund_minor=refund_minor,
    )  # fmt: skip


REFUNDED = log_of(snapshots(*PAID, PART))
BARE = log_of(snapshots(*PAID))
[MADE] = [payment for payment in REFUNDED.payments() if payment.head.refund_of is not None]
REUSED = answered(422, refund_minor=1, code=CONFLICT)


def test_what_was_told_rightly_of_a_refund_is_not_accused() -> None:
    answers = told(
        answered(None), answered(409, code="illegal-move"), answered(201), answered(200), answered(202), REUSED,
        change(REUSED, refund_minor=None),
    )  # fmt: skip
    assert kinds(oracle.refunds_went_as_told(answers, REFUNDED)) == []
    assert kinds(oracle.all_were_asked_for(answers, log_of([MADE]))) == []
    refused = told(answered(409, code="refund-too-large"), answered(404, code="not-found"), answered(202))
    assert kinds(oracle.refunds_went_as_told(refused, BARE)) == []


@pytest.mark.parametrize(
    ("log", "answers", "expected"),
    [
        (BARE, [answered(201)], [Kind.LOST]),
        (BARE, [answered(200)], [Kind.LOST]),
        (REFUNDED, [answered(201), answered(201)], [Kind.CREATED_TWICE]),
        (REFUNDED, [answered(201), answered(200, refund_minor=1)], [Kind.OTHER_TERMS]),
        (REFUNDED, [answered(202, refund_minor=None)], [Kind.OTHER_TERMS]),
        (REFUNDED, [answered(201), answered(422, code=CONFLICT)], [Kind.REFUSAL_BROKEN]),
        (BARE, [REUSED], [Kind.REFUSAL_BROKEN]),
        (REFUNDED, [answered(201), answered(401, code="unauthorized")], [Kind.REFUSED_WRONGLY]),
    ],
)
def test_what_was_told_wrongly_of_a_refund_is_found(log: Log, answers: list[Answer], expected: list[Kind]) -> None:
    assert kinds(oracle.refunds_went_as_told(told(*answers), log)) == expected


def test_a_refund_that_nobody_asked_for_is_a_phantom() -> None:
    assert kinds(oracle.all_were_asked_for(told(), log_of([MADE]))) == [Kind.PHANTOM]
