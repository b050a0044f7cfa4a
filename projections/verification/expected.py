"""The tables that are compared, and the rows that the log means: those that the projector's own views make of it."""

from __future__ import annotations

from directory.changes import DirectoryRecord
from payments.rejection import Rejection
from projections.verification.faults import Kind
from projections.verification.rows import Row, Table
from projections.views import (
    command_outcomes,
    entities,
    ledger_entries,
    payment_events,
    payments,
    webhook_deliveries,
)
from projections.views.payments import Snapshot
from schemas.deliveries import WebhookDelivery

PAYMENTS = Table(
    kind=Kind.PAYMENTS,
    columns=(
        "payment_id", "partition", "sequence", "tenant_id", "idempotency_key", "fingerprint", "fingerprint_version",
        "lease_id", "payer_account_id", "payee_account_id", "amount_minor", "currency", "payment_rail_type",
        "description", "metadata_json", "effective_date", "refund_of", "initiated_at", "due_at",
        "expected_settlement_at", "created_by", "status", "attempt", "failure_code", "failure_reason", "failure_source",
        "refunded_minor", "updated_at", "completed_at",
    ),
    private=frozenset({"description", "metadata_json", "failure_reason"}),
)  # fmt: skip
EVENTS = Table(
    kind=Kind.EVENTS,
    columns=(
        "payment_id", "sequence", "tenant_id", "event_type", "previous_status", "new_status", "occurred_at",
        "caused_by", "changes", "hash",
    ),
    place=("sequence",),
    private=frozenset({"changes"}),
)  # fmt: skip
ENTRIES = Table(
    kind=Kind.ENTRIES,
    columns=(
        "payment_id", "sequence", "line", "partition", "tenant_id", "account", "direction", "amount_minor", "currency",
        "occurred_at",
    ),
    place=("sequence", "line"),
)  # fmt: skip
ENTITIES = Table(
    kind=Kind.ENTITIES,
    columns=(
        "entity_id", "tenant_id", "kind", "state", "version", "created_by", "changed_by", "fingerprint", "created_at",
        "updated_at", "entity",
    ),
    private=frozenset({"entity"}),
)  # fmt: skip
OUTCOMES = Table(
    kind=Kind.OUTCOMES,
    columns=(
        "outcome_key", "command_id", "tenant_id", "payment_id", "entity_id", "topic", "partition", "offset",
        "record_key", "reason", "detail", "errors", "rejected_at", "raw", "raw_bytes", "raw_sha256",
    ),
    private=frozenset({"record_key", "detail", "errors", "raw"}),
)  # fmt: skip
DELIVERIES = Table(
    kind=Kind.DELIVERIES,
    columns=("delivery_key", *webhook_deliveries.COLUMNS),
    private=frozenset({"error"}),
)


def payment_rows(snapshot: Snapshot) -> list[Row]:
    """Return the rows of PAYMENTS that the snapshot means; ids are text, times microseconds, JSON canonical text."""
    return [payments.row(snapshot)]


def event_rows(snapshot: Snapshot) -> list[Row]:
    """Return the rows of EVENTS that the snapshot means, oldest first."""
    return list(payment_events.rows(snapshot, after_sequence=0))


def entry_rows(snapshot: Snapshot) -> list[Row]:
    """Return the rows of ENTRIES that the snapshot means, oldest first."""
    return list(ledger_entries.rows(snapshot, after_sequence=0))


def entity_row(record: DirectoryRecord) -> Row:
    """Return the row of ENTITIES that the record means."""
    return tuple(entities.parameters(record).values())


def outcome_row(rejection: Rejection) -> Row:
    """Return the row of OUTCOMES that the rejection means."""
    return tuple(command_outcomes.parameters(rejection).values())


def delivery_row(delivery: WebhookDelivery) -> Row:
    """Return the row of DELIVERIES that the attempt means."""
    return (webhook_deliveries.delivery_key(delivery), *webhook_deliveries.row(delivery))
