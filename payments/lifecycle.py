"""The lifecycle: which move a payment may make, and what each order decides; what the table lacks is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import assert_never

import msgspec

from payments.commands import CancelPayment, InitiatePayment, Order, RailReport, Report
from payments.idempotency import FINGERPRINT_VERSION
from payments.money import format_amount
from payments.payment import EventType, Failure, Head, Payment, Status, Transition
from payments.rails import ACH_RAILS, RAILS, claim_due_us, expected_settlement_us
from payments.refusals import IllegalMove, KeyReusedWithOtherBody, PaymentUnknown, Refusal
from payments.windows import BankHours

CANCEL = "cancelled"
EPOCH_DAY = date(1970, 1, 1).toordinal()
DAY_US = 86_400_000_000
BANK_HOURS = BankHours()

MOVES: dict[tuple[Status, Report | str], tuple[Status, EventType]] = {
    (Status.PENDING, CANCEL): (Status.CANCELLED, EventType.CANCELLED),
    (Status.PENDING, Report.CLAIMED): (Status.PROCESSING, EventType.PROCESSING),
    (Status.PENDING, Report.REJECTED): (Status.FAILED, EventType.FAILED),
    (Status.PROCESSING, Report.SETTLED): (Status.COMPLETED, EventType.COMPLETED),
    (Status.PROCESSING, Report.REJECTED): (Status.FAILED, EventType.FAILED),
    # A return before completion is a failure with the rail's code; after it, money that had arrived goes back.
    (Status.PROCESSING, Report.RETURNED): (Status.FAILED, EventType.FAILED),
    (Status.COMPLETED, Report.RETURNED): (Status.RETURNED, EventType.RETURNED),
    # The bank moved money that we had given up: it is booked to suspense, never away, and the payment stays what it is.
    # Not so before the claim: nothing was handed to a bank, and hearing it then would silence the true report later.
    (Status.CANCELLED, Report.SETTLED): (Status.CANCELLED, EventType.SUSPENSE_RECORDED),
    (Status.FAILED, Report.SETTLED): (Status.FAILED, EventType.SUSPENSE_RECORDED),
    # Likewise money that arrives a second time; the same attempt reported twice has the same id and is not heard again.
    (Status.COMPLETED, Report.SETTLED): (Status.COMPLETED, EventType.SUSPENSE_RECORDED),
    (Status.RETURNED, Report.SETTLED): (Status.RETURNED, EventType.SUSPENSE_RECORDED),
    (Status.REFUNDED, Report.SETTLED): (Status.REFUNDED, EventType.SUSPENSE_RECORDED),
}


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The payment after the order: its last transition is to be written."""

    payment: Payment


class Unchanged(msgspec.Struct, frozen=True, kw_only=True):
    """The order had been heard before; nothing is to be written."""

    payment: Payment


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A rule says no; the payment, if there is one, stays as it was."""

    refusal: Refusal


Decision = Moved | Unchanged | Refused


def decide(
    order: Order, payment: Payment | None, *, rail_speed: float = 1.0, ach_lead_us: int | None = None
) -> Decision:
    """Return what `order` does to the payment of its key; the same facts always give the same bytes.

    `rail_speed` divides the rails' delays. `ach_lead_us`: ACH goes by files, each cut off so long before its window
    closes; None: it settles by a delay as well.
    """
    assert payment is None or payment.key == order.key, "an order meets only its own payment"
    match order:
        case InitiatePayment():
            return _initiate(order, payment, rail_speed, ach_lead_us)
        case CancelPayment():
            return _move(order, payment, CANCEL, order.requested_at_us, {"cancel_key": order.cancel_key})
        case RailReport():
            return _hear(order, payment)
        case _:
            assert_never(order)


def _initiate(order: InitiatePayment, payment: Payment | None, rail_speed: float, ach_lead_us: int | None) -> Decision:
    if payment is not None:
        if payment.head.fingerprint == order.fingerprint_by(payment.head.fingerprint_version):
            return Unchanged(payment=payment)
        return Refused(refusal=KeyReusedWithOtherBody(payment.payment_id))
    rail = RAILS[order.payment_rail_type]
    due_at_us = max(claim_due_us(rail, order.requested_at_us, rail_speed), _start_of_day_us(order.effective_date))
    if ach_lead_us is None or rail not in ACH_RAILS:
        expected_at_us = expected_settlement_us(rail, due_at_us, rail_speed)
    else:
        expected_at_us = BANK_HOURS.expected_settlement_at_us(
            rail, due_at_us + ach_lead_us, amount_minor=order.amount_minor
        )
    head = Head(
        tenant_id=order.tenant_id,
        idempotency_key=order.idempotency_key,
        fingerprint=order.fingerprint,
        fingerprint_version=FINGERPRINT_VERSION,
        lease_id=order.lease_id,
        payer_account_id=order.payer_account_id,
        payee_account_id=order.payee_account_id,
        amount_minor=order.amount_minor,
        currency=order.currency,
        payment_rail_type=rail,
        description=order.description,
        metadata_json=order.metadata_json,
        effective_date=order.effective_date,
        refund_of=order.refund_of,
        initiated_at_us=order.requested_at_us,
        due_at_us=due_at_us,
        expected_settlement_at_us=expected_at_us,
    )
    first = Transition.after(
        head.hash,
        sequence=1,
        event_type=EventType.INITIATED,
        previous_status=None,
        new_status=Status.PENDING,
        occurred_at_us=order.requested_at_us,
        caused_by=order.id,
        changes={},
    )
    return Moved(
        payment=Payment(
            head=head, status=Status.PENDING, attempt=0, failure=None, refunded_minor=0, transitions=(first,)
        )
    )


def _hear(report: RailReport, payment: Payment | None) -> Decision:
    changes = {"attempt": str(report.attempt)}
    if report.bank_reference is not None:
        changes["bank_reference"] = report.bank_reference
    if payment is not None and report.amount_minor not in (None, payment.head.amount_minor):
        # The bank moved another amount than it was told: history says so, and reconciliation finds it there.
        changes["reported_amount"] = format_amount(report.amount_minor)
    failure = None
    if report.report in (Report.REJECTED, Report.RETURNED):
        assert report.code is not None
        failure = Failure(code=report.code, reason=report.reason or "", source=report.source.value)
        changes |= {"failure_code": failure.code, "failure_reason": failure.reason, "failure_source": failure.source}
    return _move(report, payment, report.report, report.occurred_at_us, changes, failure)


def _move(
    order: CancelPayment | RailReport,
    payment: Payment | None,
    asked: Report | str,
    at_us: int,
    changes: Mapping[str, str],
    failure: Failure | None = None,
) -> Decision:
    if payment is None:
        return Refused(refusal=PaymentUnknown(order.payment_id))
    order_id = order.id
    if payment.has_heard(order_id):
        return Unchanged(payment=payment)
    move = MOVES.get((payment.status, asked))
    if move is None:
        return Refused(
            refusal=IllegalMove(payment_id=payment.payment_id, status=payment.status.value, asked=str(asked))
        )
    status, event_type = move
    last = payment.last
    transition = Transition.after(
        last.hash,
        sequence=last.sequence + 1,
        event_type=event_type,
        previous_status=payment.status,
        new_status=status,
        # Clocks of different machines disagree; a history's times always increase.
        occurred_at_us=max(at_us, last.occurred_at_us + 1),
        caused_by=order_id,
        changes=changes,
    )
    return Moved(
        payment=Payment(
            head=payment.head,
            status=status,
            attempt=order.attempt if isinstance(order, RailReport) else payment.attempt,
            failure=failure or payment.failure,
            refunded_minor=payment.refunded_minor,
            transitions=(*payment.transitions, transition),
        )
    )


def _start_of_day_us(effective_date: str | None) -> int:
    if effective_date is None:
        return 0
    return (date.fromisoformat(effective_date).toordinal() - EPOCH_DAY) * DAY_US
