"""The row of a payment: its newest snapshot."""

from __future__ import annotations

import msgspec

from payments.payment import Payment

# Where a row has times, in microseconds.
TIMES = (17, 18, 19, 27, 28)
STEP_COLUMNS = (
    "payment_id", "sequence", "status", "attempt", "failure_code", "failure_reason", "failure_source", "refunded_minor",
    "updated_at_us", "completed_at_us",
)  # fmt: skip


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as a record of payment-events has it. `payment_id` is the record's key, compared with the payment's."""

    payment_id: str
    partition: int
    payment: Payment

    @property
    def sequence(self) -> int:
        return self.payment.last.sequence


def row(snapshot: Snapshot) -> tuple[object, ...]:
    """Return the columns of `copy_payments`, in its order."""
    payment, head = snapshot.payment, snapshot.payment.head
    return (
        snapshot.payment_id,
        snapshot.partition,
        payment.last.sequence,
        head.tenant_id,
        head.idempotency_key,
        head.fingerprint,
        head.fingerprint_version,
        head.lease_id,
        head.payer_account_id,
        head.payee_account_id,
        head.amount_minor,
        head.currency,
        str(head.payment_rail_type),
        head.description,
        head.metadata_json,
        head.effective_date,
        head.refund_of,
        head.initiated_at_us,
        head.due_at_us,
        head.expected_settlement_at_us,
        payment.created_by,
        *_standing(payment),
    )


def step(snapshot: Snapshot) -> tuple[object, ...]:
    """Return what a step of a payment changes in its row: STEP_COLUMNS."""
    return (snapshot.payment_id, snapshot.sequence, *_standing(snapshot.payment))


def _standing(payment: Payment) -> tuple[object, ...]:
    failure = payment.failure
    return (
        str(payment.status),
        payment.attempt,
        failure.code if failure else None,
        failure.reason if failure else None,
        failure.source if failure else None,
        payment.refunded_minor,
        payment.updated_at_us,
        payment.completed_at_us,
    )
