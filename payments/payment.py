"""A payment as a value: what was asked (its head, which never changes), where it stands, and how it got there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from payments.idempotency import canonical_list, payment_id, payment_key
from payments.money import format_amount
from payments.rails import Rail


class Status(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    REFUNDED = "refunded"


class EventType(StrEnum):
    """What a transition is called in history and on the topic."""

    INITIATED = "payment_initiated"
    PROCESSING = "payment_processing"
    COMPLETED = "payment_completed"
    FAILED = "payment_failed"
    CANCELLED = "payment_cancelled"
    RETURNED = "payment_returned"
    # Of a payment that is given back by refunds, which are payments of their own: one was asked for and its amount is
    # reserved; it was paid; it never was, and its amount is free again; it was paid and its bank sent it back.
    REFUND_INITIATED = "payment_refund_initiated"
    REFUNDED = "payment_refunded"
    REFUND_FAILED = "payment_refund_failed"
    REFUND_RETURNED = "payment_refund_returned"
    # Money arrived that should not have moved (again): the status stays, the ledger books it to suspense.
    SUSPENSE_RECORDED = "payment_suspense_recorded"


# A dictionary finds a member in a third of the time that the enumeration's own call takes.
STATUSES = {status.value: status for status in Status}
EVENT_TYPES = {event_type.value: event_type for event_type in EventType}


# As lists: stores keep payments, and need no names of fields.
class Head(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What was asked for. It never changes, so it can be encoded once and is the start of the hash chain.

    `initiated_at_us`, `due_at_us` (not claimed before) and `expected_settlement_at_us` are microseconds, UTC.
    """

    tenant_id: str
    idempotency_key: str
    fingerprint: bytes
    fingerprint_version: int
    lease_id: str | None
    payer_account_id: str
    payee_account_id: str
    amount_minor: int
    currency: str
    payment_rail_type: Rail
    description: str | None
    metadata_json: str
    effective_date: str | None
    refund_of: str | None
    initiated_at_us: int
    due_at_us: int
    expected_settlement_at_us: int

    @property
    def payment_id(self) -> str:
        return payment_id(self.tenant_id, self.idempotency_key)

    @property
    def key(self) -> str:
        return payment_key(self.tenant_id, self.idempotency_key)

    @property
    def hash(self) -> bytes:
        """The hash that the first transition's hash covers: SHA-256 of the head as a canonical JSON list."""
        parts = [
            self.tenant_id, self.idempotency_key, self.fingerprint.hex(), self.fingerprint_version, self.lease_id,
            self.payer_account_id, self.payee_account_id, self.amount_minor, self.currency, self.payment_rail_type,
            self.description, self.metadata_json, self.effective_date, self.refund_of,
            self.initiated_at_us, self.due_at_us, self.expected_settlement_at_us,
        ]  # fmt: skip
        return hashlib.sha256(canonical_list(parts)).digest()


class Transition(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One step of a payment. `caused_by` is the id of the command or report; `changes` holds what the step changed, not
    a copy of everything; `hash` covers all of it and the transition before."""

    sequence: int
    event_type: EventType
    previous_status: Status | None
    new_status: Status
    occurred_at_us: int
    caused_by: str
    changes: Mapping[str, str]
    hash: bytes = b""

    @classmethod
    def after(
        cls,
        previous_hash: bytes,
        *,
        sequence: int,
        event_type: EventType,
        previous_status: Status | None,
        new_status: Status,
        occurred_at_us: int,
        caused_by: str,
        changes: Mapping[str, str],
    ) -> Transition:
        """Return the transition that follows the one (or the head) with `previous_hash`, chained to it."""
        parts = [sequence, event_type, previous_status, new_status, occurred_at_us, caused_by, changes]
        return cls(
            sequence=sequence,
            event_type=event_type,
            previous_status=previous_status,
            new_status=new_status,
            occurred_at_us=occurred_at_us,
            caused_by=caused_by,
            changes=changes,
            hash=_chained(previous_hash, parts),
        )

    def hash_after(self, previous_hash: bytes) -> bytes:
        """Return SHA-256(previous hash + this transition as a canonical JSON list): 32 bytes."""
        parts = [
            self.sequence, self.event_type, self.previous_status, self.new_status,
            self.occurred_at_us, self.caused_by, dict(self.changes),
        ]  # fmt: skip
        return _chained(previous_hash, parts)


def _chained(previous_hash: bytes, parts: list[Any]) -> bytes:
    return hashlib.sha256(previous_hash + canonical_list(parts)).digest()


class Failure(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Why a payment failed or was returned: the rail's own code (R01, AC04) or ours, and whose it is."""

    code: str
    reason: str
    source: str


class Payment(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A payment after its last transition: the snapshot that payment-events carries."""

    head: Head
    status: Status
    attempt: int
    failure: Failure | None
    refunded_minor: int
    transitions: tuple[Transition, ...]

    def __post_init__(self) -> None:
        assert self.transitions, "a payment exists through its first transition"
        assert self.transitions[-1].new_status is self.status
        assert self.transitions[-1].sequence == len(self.transitions), "a history has no gaps"

    @property
    def payment_id(self) -> str:
        return self.head.payment_id

    @property
    def key(self) -> str:
        return self.head.key

    @property
    def created_by(self) -> str:
        """The id of the command that created it: that caller gets 201, others with the same body 200."""
        return self.transitions[0].caused_by

    @property
    def last(self) -> Transition:
        return self.transitions[-1]

    @property
    def updated_at_us(self) -> int:
        return self.last.occurred_at_us

    @property
    def completed_at_us(self) -> int | None:
        completed = EventType.COMPLETED
        return next((t.occurred_at_us for t in self.transitions if t.event_type is completed), None)

    def has_heard(self, cause_id: str) -> bool:
        """Say whether a command or report with this id has already changed the payment."""
        return cause_id in [transition.caused_by for transition in self.transitions]


def event_metadata(head: Head, transition: Transition) -> dict[str, str]:
    """Return a transition's metadata as history shows it: the payment's terms as they were then, and what changed."""
    return {
        "payer_account": head.payer_account_id,
        "payee_account": head.payee_account_id,
        "amount": format_amount(head.amount_minor),
        "currency": head.currency,
        "rail": head.payment_rail_type,
        **transition.changes,
    }


def first_broken_link(payment: Payment) -> int | None:
    """Return the place (from 1) of the first transition whose hash does not cover it and all before; None when intact.

    A tail that was cut off cannot be seen here: whoever keeps the last hash (a later event, the views) sees it.
    """
    previous = payment.head.hash
    for place, transition in enumerate(payment.transitions, start=1):
        if transition.hash_after(previous) != transition.hash:
            return place
        previous = transition.hash
    return None
