"""What an answer means for a delivery: a record for the log, which says what is to become of it."""

from __future__ import annotations

from msgspec import Struct

from schemas.deliveries import ENDPOINT_DISABLED, Outcome, WebhookDelivery
from webhooks.pending import Due
from webhooks.post import Answer
from webhooks.retries import GONE, SECOND_US, Schedule, retry_after_s


class Attempted(Struct, frozen=True, kw_only=True):
    """What is to be recorded of an attempt, and until when the endpoint asked for nothing else (0: it did not)."""

    delivery: WebhookDelivery
    rest_until_us: int = 0


def judged(due: Due, answer: Answer, schedule: Schedule, *, began_us: int, now_us: int) -> Attempted:
    """Return what is to be recorded of an attempt that began at `began_us`: 2xx delivers, 410 fails for good, the rest
    is retried as long as the schedule goes."""
    tries, status = due.tries + 1, answer.status_code
    patience_s = None if status is None else retry_after_s(status, answer.retry_after, now_us)
    next_us = None
    outcome = Outcome.DELIVERED if answer.is_success else Outcome.FAILED
    if outcome is Outcome.FAILED and status != GONE:
        next_us = schedule.next_us(now_us, tries, patience_s)
        outcome = Outcome.FAILED if next_us is None else Outcome.RETRYING
    delivery = WebhookDelivery(
        endpoint_id=due.endpoint_id,
        tenant_id=due.tenant_id,
        payment_id=due.payment_id,
        sequence=due.sequence,
        event_type=due.event_type,
        attempt=due.attempts + 1,
        tries=tries,
        attempted_at_us=began_us,
        outcome=outcome,
        status_code=status,
        error=answer.error,
        next_attempt_at_us=next_us,
        duration_ms=answer.duration_ms,
        replay_id=due.replay_id,
        body=due.body,
    )
    return Attempted(delivery=delivery, rest_until_us=0 if patience_s is None else now_us + int(patience_s * SECOND_US))


def not_attempted(due: Due, *, now_us: int) -> WebhookDelivery:
    """Return the record of what fails because its endpoint is disabled: it is there to be replayed."""
    return WebhookDelivery(
        endpoint_id=due.endpoint_id,
        tenant_id=due.tenant_id,
        payment_id=due.payment_id,
        sequence=due.sequence,
        event_type=due.event_type,
        attempt=due.attempts + 1,
        tries=due.tries + 1,
        attempted_at_us=now_us,
        outcome=Outcome.FAILED,
        error=ENDPOINT_DISABLED,
        duration_ms=0,
        replay_id=due.replay_id,
        body=due.body,
    )
