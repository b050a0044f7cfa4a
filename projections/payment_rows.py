"""What the views say of payments: their rows, transitions and refusals, as the API reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from payments.payment import EventType, Failure, Head, Status, Transition
from payments.rails import Rail
from payments.refusals import FieldError
from projections.connections import Row
from projections.log_times import us_of

_PAYMENT_COLUMNS = 26
_TRANSITION_COLUMNS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """A payment as the views have it: what was asked for, and where it stands."""

    payment_id: str
    head: Head
    status: Status
    updated_at_us: int
    completed_at_us: int | None
    failure: Failure | None
    refunded_minor: int
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentHistory:
    """A payment's terms and its transitions, oldest first."""

    head: Head
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionRow:
    """A command that was refused, and why."""

    command_id: str | None
    tenant_id: str | None
    payment_id: str | None
    reason: str
    detail: str
    errors: tuple[FieldError, ...]
    rejected_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is known of a command: the payment that shows its effect, its refusal, or both (an earlier refusal)."""

    payment: PaymentRow | None
    rejection: RejectionRow | None

    def __post_init__(self) -> None:
        assert self.payment is not None or self.rejection is not None, "nothing is no outcome"


def outcome(row: Row) -> Outcome:
    """Return a row of find_outcomes."""
    _, is_done, is_refused, *rest = row
    return Outcome(
        payment=payment_row(tuple(rest[:_PAYMENT_COLUMNS])) if is_done else None,
        rejection=rejection_row(tuple(rest[_PAYMENT_COLUMNS:])) if is_refused else None,
    )


def payment_row(row: Row) -> PaymentRow:
    """Return a row of find_payment or list_payments; other statements have its columns in this order too."""
    (
        payment_id, tenant_id, idempotency_key, fingerprint, fingerprint_version, lease_id, payer_account_id,
        payee_account_id, amount_minor, currency, payment_rail_type, description, metadata_json, effective_date,
        refund_of, initiated_at, due_at, expected_settlement_at, created_by, status, failure_code, failure_reason,
        failure_source, refunded_minor, updated_at, completed_at,
    ) = row  # fmt: skip
    head = Head(
        tenant_id=tenant_id,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        fingerprint_version=fingerprint_version,
        lease_id=lease_id,
        payer_account_id=payer_account_id,
        payee_account_id=payee_account_id,
        amount_minor=amount_minor,
        currency=currency,
        payment_rail_type=Rail(payment_rail_type),
        description=description,
        metadata_json=metadata_json,
        effective_date=effective_date,
        refund_of=refund_of,
        initiated_at_us=us_of(initiated_at),
        due_at_us=us_of(due_at),
        expected_settlement_at_us=us_of(expected_settlement_at),
    )
    failure = None
    if failure_code is not None:
        failure = Failure(code=failure_code, reason=failure_reason, source=failure_source)
    return PaymentRow(
        payment_id=payment_id,
        head=head,
        status=Status(status),
        updated_at_us=us_of(updated_at),
        completed_at_us=us_of(completed_at) if completed_at is not None else None,
        failure=failure,
        refunded_minor=refunded_minor,
        created_by=created_by,
    )


def payment_history(rows: Sequence[Row]) -> PaymentHistory:
    """Return the rows of find_history, of which there is one at least."""
    return PaymentHistory(
        head=payment_row(rows[0][_TRANSITION_COLUMNS:]).head,
        transitions=tuple(_transition(row[:_TRANSITION_COLUMNS]) for row in rows),
    )


def _transition(row: Row) -> Transition:
    sequence, event_type, previous_status, new_status, occurred_at, caused_by, changes, digest = row
    return Transition(
        sequence=sequence,
        event_type=EventType(event_type),
        previous_status=Status(previous_status) if previous_status is not None else None,
        new_status=Status(new_status),
        occurred_at_us=us_of(occurred_at),
        caused_by=caused_by,
        changes=changes,
        hash=digest,
    )


def rejection_row(row: Row) -> RejectionRow:
    """Return a row of find_rejection."""
    command_id, tenant_id, payment_id, reason, detail, errors, rejected_at = row
    return RejectionRow(
        command_id=command_id,
        tenant_id=tenant_id,
        payment_id=payment_id,
        reason=reason,
        detail=detail,
        errors=tuple(FieldError(field=error["field"], message=error["message"]) for error in errors),
        rejected_at_us=us_of(rejected_at),
    )
