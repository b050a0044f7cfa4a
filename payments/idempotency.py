"""Idempotency: which payment a key names, and whether two bodies under one key are the same.

A key is scoped to its tenant and never expires; the IETF draft httpapi-idempotency-key-header leaves expiry to the
server.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from functools import lru_cache
from typing import Any

import msgspec

from payments.refusals import InvalidIdempotencyKey

KEY_CHARACTERS_MAX = 255
# Keys of payments that the system itself makes (rent, refunds); a caller's key cannot collide with them.
SYSTEM_KEY_PREFIX = "directpay:"
FINGERPRINT_VERSION = 1
# An id is asked for several times while its payment is at hand: enough for a few batches, about 3 MB.
PAYMENT_IDS_REMEMBERED_MAX = 8192

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "directpay").bytes
_UNCLEAN = re.compile(r"[\x00\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CANONICAL_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_CANONICAL_LIST = msgspec.json.Encoder(order="deterministic")


def payment_key(tenant_id: str, idempotency_key: str) -> str:
    """Return the Kafka key of everything about one payment: `{tenant}:{idempotency_key}`."""
    return f"{tenant_id}:{idempotency_key}"


def payment_id(tenant_id: str, idempotency_key: str) -> str:
    """Return the payment's id, known before anything is stored and the same for every retry on every node."""
    return id_of_key(payment_key(tenant_id, idempotency_key))


@lru_cache(maxsize=PAYMENT_IDS_REMEMBERED_MAX)
def id_of_key(key: str) -> str:
    """Return the id of the payment that a Kafka key (`payment_key`) is about."""
    return _uuid5(_NAMESPACE, key)


def cancel_id(payment_id: str, cancel_key: str) -> str:
    """Return the command id of a cancel: the same key asks for the same cancel."""
    return _uuid5(_uuid_bytes(payment_id), f"cancel:{cancel_key}")


def report_id(payment_id: str, attempt: int, report: str) -> str:
    """Return the id of a rail report, so that a bank that answers twice is heard once."""
    return _uuid5(_uuid_bytes(payment_id), f"report:{attempt}:{report}")


def refund_idempotency_key(payment_id: str, refund_key: str) -> str:
    """Return the idempotency key of the payment that a refund is: one for each payment and key of a refund."""
    return f"{SYSTEM_KEY_PREFIX}refund:{_uuid5(_uuid_bytes(payment_id), f'refund:{refund_key}')}"


def refund_report_id(refund_id: str, sequence: int) -> str:
    """Return the id of what a refund tells the payment it refunds, so that it is heard once."""
    return _uuid5(_uuid_bytes(refund_id), f"refund-report:{sequence}")


def check_key(key: str, *, system: bool = False) -> str:
    """Return a caller's idempotency key, or raise InvalidIdempotencyKey.

    1 to 255 characters, none of them a control character or a lone surrogate, and not the system's own prefix.
    """
    if not key:
        raise InvalidIdempotencyKey("an idempotency key is required")
    if len(key) > KEY_CHARACTERS_MAX:
        raise InvalidIdempotencyKey(f"must be at most {KEY_CHARACTERS_MAX} characters")
    # Printable text has neither; asking is a tenth of searching.
    if not key.isprintable() and _CONTROL.search(key):
        raise InvalidIdempotencyKey("must not contain control characters")
    if key.startswith(SYSTEM_KEY_PREFIX) and not system:
        raise InvalidIdempotencyKey(f"must not start with {SYSTEM_KEY_PREFIX!r}: such keys are the system's own")
    return key


def is_clean_text(text: str) -> bool:
    """Say whether every store on the path can hold `text`: Postgres takes no NUL, UTF-8 no lone surrogate."""
    return text.isprintable() or _UNCLEAN.search(text) is None


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, no escapes that JSON does not need.

    Raises ValueError for what JSON cannot say (NaN, a cycle) and TypeError for what is no JSON value.
    """
    return _CANONICAL_JSON.encode(value)


def canonical_list(parts: list[Any]) -> bytes:
    """Return the canonical JSON of a list of text, integers, None and maps of text, as UTF-8: what hashes cover.

    For such lists it gives the bytes of `canonical_json` (a test holds them equal) in a tenth of the time.
    """
    return _CANONICAL_LIST.encode(parts)


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
    version: int = FINGERPRINT_VERSION,
) -> bytes:
    """Return the SHA-256 (32 bytes) of what the caller supplied, in canonical form.

    The amount is in minor units, so that 1500 and "1500.00" are the same; `metadata_json` is canonical already.
    A payment keeps the version it was created by, and later bodies under its key are compared by that one.
    """
    assert version == FINGERPRINT_VERSION, f"fingerprints of version {version} are not known here"
    parts: list[Any] = [
        lease_id, payer_account_id, payee_account_id, amount_minor, currency, payment_rail_type, description,
        metadata_json,
    ]  # fmt: skip
    if effective_date is not None:
        parts.append(effective_date)
    return hashlib.sha256(canonical_list(parts)).digest()


def refund_fingerprint(*, amount_minor: int | None, description: str | None, metadata_json: str) -> bytes:
    """Return the SHA-256 (32 bytes) of what the caller of a refund supplied; no amount (all that is left) is another
    body than the same amount in figures. Another definition would need another name in the history.
    """
    return hashlib.sha256(canonical_list([amount_minor, description, metadata_json])).digest()


def _uuid_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def _uuid5(namespace: bytes, name: str) -> str:
    # RFC 9562, section 5.5. The standard library's uuid5 gives the same text at twice the cost.
    text = hashlib.sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


# The first two bits of the variant's digit are 10.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
