"""A payment as people see it, in answers and in webhooks. Bytes made of it depend on the value alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from payments.money import format_amount
from payments.payment import Failure, Head, Payment, Status, Transition, event_metadata
from payments.refunds import paid_minor, refunds_of
from payments.timestamps import rfc3339


def payment_now(
    head: Head,
    *,
    status: Status,
    updated_at_us: int,
    completed_at_us: int | None = None,
    failure: Failure | None = None,
    refunded_minor: int = 0,
) -> dict[str, Any]:
    """Return a payment as it stands."""
    body: dict[str, Any] = {
        "id": head.payment_id,
        "status": status.value,
        "amount": format_amount(head.amount_minor),
        "currency": head.currency,
        "lease_id": head.lease_id,
        "payer_account_id": head.payer_account_id,
        "payee_account_id": head.payee_account_id,
        "payment_rail_type": head.payment_rail_type.value,
        "idempotency_key": head.idempotency_key,
        "description": head.description,
        "initiated_at": rfc3339(head.initiated_at_us),
        "updated_at": rfc3339(updated_at_us),
        "expected_settlement_at": rfc3339(head.expected_settlement_at_us),
        "refunded_amount": format_amount(refunded_minor),
        "metadata": json.loads(head.metadata_json),
    }
    if completed_at_us is not None:
        body["completed_at"] = rfc3339(completed_at_us)
    if head.effective_date is not None:
        body["effective_date"] = head.effective_date
    if head.refund_of is not None:
        body["refund_of"] = head.refund_of
    if failure is not None:
        body["failure"] = {"code": failure.code, "reason": failure.reason, "source": failure.source}
    return body


def payment_then(payment: Payment, sequence: int) -> dict[str, Any]:
    """Return a payment as it stood after its transition `sequence`: every later snapshot gives the same."""
    steps = payment.transitions[:sequence]
    then = Payment(
        head=payment.head,
        status=steps[-1].new_status,
        attempt=payment.attempt,
        failure=_failure(steps),
        refunded_minor=0,
        transitions=steps,
    )
    return payment_now(
        then.head,
        status=then.status,
        updated_at_us=then.updated_at_us,
        completed_at_us=then.completed_at_us,
        failure=then.failure,
        refunded_minor=paid_minor(refunds_of(then)),
    )


def transition_shown(head: Head, transition: Transition) -> dict[str, Any]:
    """Return a transition as the payment's history shows it."""
    return {
        "sequence": transition.sequence,
        "event_type": transition.event_type.value,
        "previous_status": None if transition.previous_status is None else transition.previous_status.value,
        "new_status": transition.new_status.value,
        "timestamp": rfc3339(transition.occurred_at_us),
        "metadata": event_metadata(head, transition),
        "hash": transition.hash.hex(),
    }


def _failure(steps: Sequence[Transition]) -> Failure | None:
    for step in reversed(steps):
        changes = step.changes
        if "failure_code" in changes:
            return Failure(
                code=changes["failure_code"],
                reason=changes.get("failure_reason", ""),
                source=changes.get("failure_source", ""),
            )
    return None
