"""Deliveries as tests tell of them."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.deliveries import Outcome, WebhookDelivery
from webhooks.pending import Due, NewDue

ENDPOINT = "44444444-4444-4444-8444-444444444444"
PAYMENT = "55555555-5555-4555-8555-555555555555"
OTHER_PAYMENT = "66666666-6666-4666-8666-666666666666"


def due(sequence: int = 1, *, endpoint_id: str = ENDPOINT, payment_id: str = PAYMENT, partition: int = 0) -> Due:
    return Due(
        endpoint_id=endpoint_id,
        payment_id=payment_id,
        sequence=sequence,
        partition=partition,
        tenant_id="demo",
        event_type="payment_completed",
        body=f'"body of {payment_id}:{sequence}"'.encode(),
    )


def new(it: Due, *, event_offset: int = 0, at_us: int = 0, known_us: int = 0) -> NewDue:
    return NewDue(due=it, event_offset=event_offset, at_us=at_us, known_us=known_us)


def attempted(
    it: Due, outcome: Outcome = Outcome.DELIVERED, *, at_us: int = 1000, next_us: int = 2000, status: int | None = 200
) -> WebhookDelivery:
    """Return the record of an attempt; one that is retrying is due again at `next_us`."""
    return WebhookDelivery(
        endpoint_id=it.endpoint_id,
        tenant_id=it.tenant_id,
        payment_id=it.payment_id,
        sequence=it.sequence,
        event_type=it.event_type,
        attempt=it.attempts + 1,
        tries=it.tries + 1,
        attempted_at_us=at_us,
        outcome=outcome,
        status_code=status,
        next_attempt_at_us=next_us if outcome is Outcome.RETRYING else None,
        duration_ms=1,
        replay_id=it.replay_id,
        body=it.body,
    )


def again(it: Due, tries: int = 1) -> Due:
    """Return it after so many attempts."""
    return replace(it, attempts=tries, tries=tries)
