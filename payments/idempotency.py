"""Idempotency: which payment a key names, and whether two bodies under one key are the same.

A key is scoped to its tenant and never expires (the IETF draft httpapi-idempotency-key-header leaves expiry to the server).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from payments.refusals import InvalidIdempotencyKey

KEY_CHARACTERS_MAX = 255
# Keys of payments that the system itself makes (rent, refunds); a caller's key cannot collide with them.
SYSTEM_KEY_PREFIX = "directpay:"
FINGERPRINT_VERSION = 1

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "directpay")


def payment_key(tenant_id: str, idempotency_key: str) -> str:
    """Return the Kafka key of everything about one payment: `{tenant}:{idempotency_key}`."""
    return f"{tenant_id}:{idempotency_key}"


def payment_id(tenant_id: str, idempotency_key: str) -> str:
    """Return the payment's id, known before anything is stored and the same for every retry on every node."""
    return str(uuid.uuid5(_NAMESPACE, payment_key(tenant_id, idempotency_key)))


def cancel_id(payment_id: str, cancel_key: str) -> str:
    """Return the command id of a cancel: the same key asks for the same cancel."""
    return str(uuid.uuid5(uuid.UUID(payment_id), f"cancel:{cancel_key}"))


def report_id(payment_id: str, attempt: int, report: str) -> str:
    """Return the id of a rail report, so that a bank that answers twice is heard once."""
    return str(uuid.uuid5(uuid.UUID(payment_id), f"report:{attempt}:{report}"))


def check_key(key: str, *, system: bool = False) -> str:
    """Return a caller's idempotency key, or raise InvalidIdempotencyKey.

    1 to 255 characters, none of them a control character or a lone surrogate, and not the system's own prefix.
    """
    if not key:
        raise InvalidIdempotencyKey("an idempotency key is required")
    if len(key) > KEY_CHARACTERS_MAX:
        raise InvalidIdempotencyKey(f"must be at most {KEY_CHARACTERS_MAX} characters")
    if not is_clean_text(key) or any(ord(character) < 0x20 or 0x7F <= ord(character) <= 0x9F for character in key):
        raise InvalidIdempotencyKey("must not contain control characters")
    if key.startswith(SYSTEM_KEY_PREFIX) and not system:
        raise InvalidIdempotencyKey(f"must not start with {SYSTEM_KEY_PREFIX!r}: such keys are the system's own")
    return key


def is_clean_text(text: str) -> bool:
    """Say whether every store on the path can hold `text`: Postgres takes no NUL, UTF-8 no lone surrogate."""
    return "\0" not in text and not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, no escapes that JSON does not need."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(
    *,
    lease_id: str | None,
    payer_account_id: str,
    payee_account_id: str,
    amount_minor: int,
    currency: str,
    payment_rail_type: str,
    description: str | None,
    metadata_json: str,
    effective_date: str | None,
) -> bytes:
    """Return the SHA-256 (32 bytes) of what the caller supplied, in canonical form, by FINGERPRINT_VERSION.

    The amount is in minor units, so that 1500 and "1500.00" are the same; `metadata_json` is canonical already.
    """
    parts: list[Any] = [
        lease_id, payer_account_id, payee_account_id, amount_minor, currency, payment_rail_type, description, metadata_json,
    ]  # fmt: skip
    if effective_date is not None:
        parts.append(effective_date)
    return hashlib.sha256(canonical_json(parts).encode()).digest()
