"""What must hold of a payment's history, told from the payment alone: for readers who did not decide it themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from payments.lifecycle import MOVES
from payments.money import InvalidAmount, format_amount
from payments.payment import EventType, Failure, Payment, Status
from payments.refunds import left_minor, paid_minor, refunds_of

_FIRST = (None, EventType.INITIATED, Status.PENDING)
LEGAL = {_FIRST} | {(before, event, after) for (before, _), (after, event) in MOVES.items()}


def illegal_moves(payment: Payment) -> Iterator[str]:
    """Yield what is wrong with each transition that the lifecycle does not have or that leaves out the one before."""
    status: Status | None = None
    for number, step in enumerate(payment.transitions, start=1):
        move = (step.previous_status, step.event_type, step.new_status)
        if move not in LEGAL or step.previous_status != status or step.sequence != number:
            said = f"{step.event_type.value} from {step.previous_status or 'nothing'} to {step.new_status.value}"
            yield f"transition {number} is number {step.sequence}, {said}, in status {status or 'nothing'}"
        status = step.new_status


def turned_times(payment: Payment) -> Iterator[str]:
    """Yield what is wrong with each transition that is not later than the one before."""
    for before, after in pairwise(payment.transitions):
        if after.occurred_at_us <= before.occurred_at_us:
            yield f"transition {after.sequence} is not later than the one before"


def unlike_its_history(payment: Payment) -> Iterator[str]:
    """Yield which fields of the snapshot are not what its transitions say; the hash chain does not cover these."""
    attempt, failure = "0", None
    for step in payment.transitions:
        changes = step.changes
        attempt = changes.get("attempt", attempt)
        if "failure_code" in changes:
            failure = Failure(
                code=changes["failure_code"],
                reason=changes.get("failure_reason", ""),
                source=changes.get("failure_source", ""),
            )
    if str(payment.attempt) != attempt:
        yield f"the snapshot is of attempt {payment.attempt}, its history of {attempt}"
    if payment.failure != failure:
        yield "the snapshot's failure is not the one in its history"
    yield from _unlike_its_refunds(payment)


def _unlike_its_refunds(payment: Payment) -> Iterator[str]:
    try:
        refunds = refunds_of(payment)
    except (KeyError, InvalidAmount):
        yield "its history tells of a refund that was not asked for, or not of how much"
        return
    if (told := paid_minor(refunds)) != payment.refunded_minor:
        yield f"the snapshot has {format_amount(payment.refunded_minor)} refunded, its history {format_amount(told)}"
    is_all = told == payment.head.amount_minor
    if is_all != (payment.status is Status.REFUNDED) and payment.status is not Status.RETURNED:
        yield f"it is {payment.status.value}, and its history has {format_amount(told)} refunded"
    if (left := left_minor(payment, refunds)) < 0:
        yield f"{format_amount(-left)} more than was paid is refunded or reserved"
