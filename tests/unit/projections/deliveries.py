"""Attempts to deliver an event to a webhook endpoint, for the tests of what is made of them."""

from __future__ import annotations

from schemas.deliveries import Outcome, WebhookDelivery
from tests.unit.payments.histories import T0_US

DELIVERED = WebhookDelivery(
    endpoint_id="11111111-1111-4111-8111-111111111111",
    tenant_id="demo",
    payment_id="22222222-2222-4222-8222-222222222222",
    sequence=3,
    event_type="payment_completed",
    attempt=1,
    tries=1,
    attempted_at_us=T0_US,
    outcome=Outcome.DELIVERED,
    status_code=204,
    duration_ms=12,
    body=b'{"type":"payment_completed"}',
)
RETRYING = WebhookDelivery(
    endpoint_id=DELIVERED.endpoint_id,
    tenant_id="demo",
    payment_id=DELIVERED.payment_id,
    sequence=3,
    event_type="payment_completed",
    attempt=1,
    tries=1,
    attempted_at_us=T0_US,
    outcome=Outcome.RETRYING,
    error="no answer in 20 s",
    next_attempt_at_us=T0_US + 5_000_000,
    duration_ms=20_000,
    replay_id="33333333-3333-4333-8333-333333333333",
    body=DELIVERED.body,
)
