"""Redrive: which refused records may be sent again once their cause is mended, and which never."""

from __future__ import annotations

import hashlib

from payments.rejection import DECISION_FAILED, UNDECODABLE, UNKNOWN_SCHEMA, Rejection

# On a record that was sent again: the place of the refused one, so that it is not sent a second time.
REDRIVEN_FROM = "directpay_redriven_from"

# Refused because of what we were then: a schema that was not there, a reader or a rule with a fault. Every other reason
# is an answer: its sender has heard it and may have acted on it (another key, another bank), and may ask anew.
MENDABLE = frozenset({UNKNOWN_SCHEMA, UNDECODABLE, DECISION_FAILED})


def place_of(rejection: Rejection) -> str:
    """Return where the refused record stood: topic/partition/offset."""
    return f"{rejection.topic}/{rejection.partition}/{rejection.offset}"


def tenant_of(rejection: Rejection) -> str | None:
    """Return whose record it was, if that can be told: where nobody could read the value, a payment's key says it."""
    if rejection.tenant_id is not None or rejection.key is None:
        return rejection.tenant_id
    tenant, colon, _ = rejection.key.partition(":")
    return tenant if colon else None


def obstacle(rejection: Rejection) -> str | None:
    """Return why the record cannot be sent again as it was, or None."""
    if rejection.reason not in MENDABLE:
        return f"{rejection.reason} is an answer, not a fault that can be mended"
    if rejection.key is None:
        return "its key was not kept, because it had none or one that is not text"
    if rejection.raw_bytes == 0:
        return "it had no value"
    if len(rejection.raw) < rejection.raw_bytes:
        return f"only {len(rejection.raw)} of its {rejection.raw_bytes} bytes were kept: its sender has to send it"
    if hashlib.sha256(rejection.raw).digest() != rejection.raw_sha256:
        return "the kept bytes are not those that were refused"
    return None
