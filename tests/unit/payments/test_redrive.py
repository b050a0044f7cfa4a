"""Redrive: a fault of ours may be sent again, whole and as it was; an answer never."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from payments.redrive import MENDABLE, obstacle, place_of, tenant_of
from payments.rejection import RAW_BYTES_MAX, Rejection

RAW = b"what was sent"
FAILED = Rejection(
    topic="payment-commands",
    partition=3,
    offset=1200,
    key="acme:rent-1",
    reason="decision-failed",
    detail="KeyError",
    tenant_id="acme",
    rejected_at_us=1_700_000_000_000_000,
    raw=RAW,
    raw_bytes=len(RAW),
    raw_sha256=hashlib.sha256(RAW).digest(),
)


@pytest.mark.parametrize("reason", sorted(MENDABLE))
def test_what_was_refused_for_a_fault_of_ours_can_be_sent_again(reason: str) -> None:
    assert obstacle(replace(FAILED, reason=reason)) is None


@pytest.mark.parametrize(
    "reason",
    [
        "idempotency-key-reused",
        "illegal-move",
        "payment-unknown",
        "invalid-command",
        "key-mismatch",
        "entity-exists",
        "record-too-large",
        "input-gone",
    ],
)
def test_an_answer_is_never_sent_again(reason: str) -> None:
    assert obstacle(replace(FAILED, reason=reason)) == f"{reason} is an answer, not a fault that can be mended"


def test_what_was_cut_lost_its_key_or_does_not_fit_its_hash_cannot_be_sent_again() -> None:
    cut = replace(FAILED, raw=b"x" * RAW_BYTES_MAX, raw_bytes=100_000)
    assert "only 32768 of its 100000 bytes were kept" in str(obstacle(cut))
    assert "its key was not kept" in str(obstacle(replace(FAILED, key=None)))
    assert "it had no value" in str(obstacle(replace(FAILED, raw=b"", raw_bytes=0)))
    assert "not those that were refused" in str(obstacle(replace(FAILED, raw_sha256=b"\0" * 32)))


def test_a_tenant_is_told_by_the_key_where_the_value_could_not_be_read() -> None:
    assert tenant_of(FAILED) == "acme"
    assert tenant_of(replace(FAILED, tenant_id=None, key="globex:rent:1")) == "globex"
    assert tenant_of(replace(FAILED, tenant_id=None, key="0c5e6b3e")) is None
    assert place_of(FAILED) == "payment-commands/3/1200"
