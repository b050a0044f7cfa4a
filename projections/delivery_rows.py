"""What the views say of deliveries to webhook endpoints, as the API reads it."""

from __future__ import annotations

from dataclasses import dataclass

from directory.webhook_endpoint import NoticeType
from projections.connections import Row
from projections.log_times import us_of
from schemas.deliveries import Outcome, message_id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """An attempt to deliver one event to one endpoint, and what came of it.

    Of a notice, `payment_id` and `sequence` are the id and the version of the endpoint that was disabled.
    """

    payment_id: str
    sequence: int
    event_type: str
    attempt: int
    attempted_at_us: int
    outcome: Outcome
    status_code: int | None
    error: str | None
    next_attempt_at_us: int | None
    duration_ms: int
    replay_id: str | None

    @property
    def is_notice(self) -> bool:
        return self.event_type in set(NoticeType)

    @property
    def message_id(self) -> str:
        return message_id_of(self.payment_id, self.sequence)


def delivery_row(row: Row) -> DeliveryRow:
    """Return a row of list_deliveries."""
    (
        payment_id, sequence, event_type, attempt, attempted_at, outcome, status_code, error, next_attempt_at,
        duration_ms, replay_id,
    ) = row  # fmt: skip
    return DeliveryRow(
        payment_id=payment_id,
        sequence=sequence,
        event_type=event_type,
        attempt=attempt,
        attempted_at_us=us_of(attempted_at),
        outcome=Outcome(outcome),
        status_code=status_code,
        error=error,
        next_attempt_at_us=us_of(next_attempt_at) if next_attempt_at is not None else None,
        duration_ms=duration_ms,
        replay_id=replay_id,
    )
