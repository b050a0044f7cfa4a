"""What is sent of an event: the body, a pure function of what the log says of it, and how it is signed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from directory.changes import DirectoryRecord
from directory.webhook_endpoint import NoticeType, WebhookEndpoint
from payments.payment import Payment
from payments.representation import payment_then, transition_shown
from payments.timestamps import rfc3339

CONTENT_TYPE = "application/json"
USER_AGENT = "DirectPay-Webhooks/1"


def message_body(payment: Payment, sequence: int) -> bytes:
    """Return the body that tells of a payment's transition: the same bytes from every later snapshot."""
    transition = payment.transitions[sequence - 1]
    assert transition.sequence == sequence, "a history has no gaps"
    body = {
        "type": transition.event_type.value,
        "timestamp": rfc3339(transition.occurred_at_us),
        "data": {
            "payment": payment_then(payment, sequence),
            "transition": transition_shown(payment.head, transition),
        },
    }
    return _json(body)


def notice_body(record: DirectoryRecord) -> bytes:
    """Return the body that tells that an endpoint was disabled: what a GET of it answered right after that."""
    endpoint = record.entity
    assert isinstance(endpoint, WebhookEndpoint), "nothing else is disabled"
    assert endpoint.disabled_reason is not None, "it was disabled"
    shown = {
        "id": record.entity_id,
        "url": endpoint.url,
        "events": [event.value for event in endpoint.events],
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled_reason.value,
        "status": record.state.value,
        "created_at": rfc3339(record.created_at_us),
    }
    return _json(
        {
            "type": NoticeType.ENDPOINT_DISABLED.value,
            "timestamp": rfc3339(record.updated_at_us),
            "data": {"webhook_endpoint": shown},
        }
    )


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def signed_headers(message_id: str, body: bytes, *, at_s: int, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers of an attempt at `at_s` (seconds since the epoch, by the machine's clock, which receivers
    compare with theirs): with a signature of each secret, so that one of two that rotate is enough to verify."""
    at = datetime.fromtimestamp(at_s, UTC)
    text = body.decode()
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(
            Webhook(secret).sign(msg_id=message_id, timestamp=at, data=text) for secret in secrets
        ),
    }
