"""The values of webhook-deliveries and webhook-requests: what was attempted, and what is to be delivered again."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from payments.fields import fault
from payments.refusals import InvalidCommand

Record = dict[str, Any]

ERROR_CHARACTERS_MAX = 500
ENDPOINT_DISABLED = "the endpoint is disabled"


class Outcome(StrEnum):
    """What became of an attempt."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"  # For good: nothing but a replay attempts it again.


OUTCOMES = {outcome.value: outcome for outcome in Outcome}


class WebhookDelivery(Struct, frozen=True, kw_only=True):
    """An attempt to deliver one event of a payment to one endpoint.

    `attempt` counts all attempts, `tries` those of the retry schedule, which a replay begins anew. Raises
    InvalidCommand.
    """

    endpoint_id: str
    tenant_id: str
    payment_id: str
    sequence: int
    event_type: str
    attempt: int
    tries: int
    attempted_at_us: int
    outcome: Outcome
    status_code: int | None = None
    error: str | None = None
    next_attempt_at_us: int | None = None
    duration_ms: int
    replay_id: str | None = None
    body: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.tries <= self.attempt:
            raise InvalidCommand(fault("tries", "must be from 1 to attempt"))
        if (self.next_attempt_at_us is None) is (self.outcome is Outcome.RETRYING):
            raise InvalidCommand(fault("next_attempt_at_us", "must be there while it is retrying, and only then"))
        if self.error is not None and len(self.error) > ERROR_CHARACTERS_MAX:
            raise InvalidCommand(fault("error", f"must be at most {ERROR_CHARACTERS_MAX} characters"))

    @property
    def was_sent(self) -> bool:
        """Whether there was a request; what is due to a disabled endpoint fails without one."""
        return self.error != ENDPOINT_DISABLED

    @property
    def message_id(self) -> str:
        return message_id_of(self.payment_id, self.sequence)


class WebhookReplay(Struct, frozen=True, kw_only=True):
    """A wish to have delivered again, to one endpoint, the events with an attempt from `from_us` until `to_us`.

    With `failed_only` those whose last attempt failed for good; with `message_id` this one.
    """

    request_id: str
    endpoint_id: str
    tenant_id: str
    from_us: int | None = None
    to_us: int | None = None
    failed_only: bool = False
    message_id: str | None = None
    requested_at_us: int


WebhookRecord = WebhookDelivery | WebhookReplay


def message_id_of(payment_id: str, sequence: int) -> str:
    """Return the id of a payment's event: its CloudEvents id on payment-events, and the header webhook-id."""
    return f"{payment_id}:{sequence}"


def delivery_record(delivery: WebhookDelivery) -> Record:
    return {**asdict(delivery), "message_id": delivery.message_id, "outcome": delivery.outcome.value}


def delivery_value(record: Record) -> WebhookDelivery:
    fields = dict(record)
    message_id, outcome = fields.pop("message_id"), OUTCOMES.get(fields.pop("outcome"))
    if outcome is None:
        raise InvalidCommand(fault("outcome", f"must be one of {', '.join(Outcome)}"))
    delivery = WebhookDelivery(outcome=outcome, **fields)
    if delivery.message_id != message_id:
        raise InvalidCommand(fault("message_id", "must be the one that payment and sequence give"))
    return delivery


def replay_record(replay: WebhookReplay) -> Record:
    return asdict(replay)


def replay_value(record: Record) -> WebhookReplay:
    return WebhookReplay(**record)
