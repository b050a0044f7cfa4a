"""The row of an attempt to deliver an event to a webhook endpoint. Bodies stay in the log."""

from __future__ import annotations

from projections.views.storable import storable_text
from schemas.deliveries import WebhookDelivery

COLUMNS = (
    "endpoint_id", "payment_id", "sequence", "attempt", "tenant_id", "event_type", "tries", "attempted_at", "outcome",
    "status_code", "error", "next_attempt_at", "duration_ms", "replay_id",
)  # fmt: skip


def delivery_key(delivery: WebhookDelivery) -> str:
    """Return what tells attempts apart. Those of one event and endpoint stand on one partition, in their order."""
    return f"{delivery.endpoint_id}/{delivery.payment_id}/{delivery.sequence}/{delivery.attempt}"


def row(delivery: WebhookDelivery) -> tuple[object, ...]:
    """Return the values of COLUMNS; times in microseconds."""
    return (
        delivery.endpoint_id,
        delivery.payment_id,
        delivery.sequence,
        delivery.attempt,
        delivery.tenant_id,
        delivery.event_type,
        delivery.tries,
        delivery.attempted_at_us,
        delivery.outcome.value,
        delivery.status_code,
        # It may repeat what an endpoint said.
        storable_text(delivery.error),
        delivery.next_attempt_at_us,
        delivery.duration_ms,
        delivery.replay_id,
    )
