"""What may be ordered of a payment, and what a rail may report: the inputs of every decision."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from payments.idempotency import (
    cancel_id,
    canonical_json,
    check_key,
    fingerprint,
    is_clean_text,
    payment_id,
    payment_key,
    report_id,
)
from payments.money import CURRENCIES, InvalidAmount, check_amount_minor
from payments.rails import Rail
from payments.refusals import FieldError, InvalidCommand, InvalidIdempotencyKey

DESCRIPTION_CHARACTERS_MAX = 500
METADATA_BYTES_MAX = 8 * 1024  # A record must stay far below the broker's and librdkafka's message limits.
TENANT_CHARACTERS_MAX = 64
REASON_CHARACTERS_MAX = 500
YEAR_2000_US = 946_684_800_000_000
YEAR_2200_US = 7_258_118_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiatePayment:
    """Pay `amount_minor` (cents) from the payer's to the payee's account; one payment per tenant and key.

    `metadata_json` is the caller's metadata as canonical JSON (an object), `effective_date` (YYYY-MM-DD) the first
    day on which the money may move. Raises InvalidCommand, naming every field at fault.
    """

    command_id: str
    tenant_id: str
    idempotency_key: str
    lease_id: str | None = None
    payer_account_id: str
    payee_account_id: str
    amount_minor: int
    currency: str = "USD"
    payment_rail_type: str
    description: str | None = None
    metadata_json: str = "{}"
    effective_date: str | None = None
    refund_of: str | None = None
    requested_at_us: int

    def __post_init__(self) -> None:
        errors = [
            *_key_errors(self.tenant_id, self.idempotency_key, system=self.refund_of is not None),
            *_uuid_errors("command_id", self.command_id),
            *_uuid_errors("payer_account_id", self.payer_account_id),
            *_uuid_errors("payee_account_id", self.payee_account_id),
            *(_uuid_errors("lease_id", self.lease_id) if self.lease_id is not None else ()),
            *(_uuid_errors("refund_of", self.refund_of) if self.refund_of is not None else ()),
            *_amount_errors(self.amount_minor),
            *_text_errors("description", self.description, DESCRIPTION_CHARACTERS_MAX),
            *_metadata_errors(self.metadata_json),
            *_effective_date_errors(self.effective_date),
            *_time_errors("requested_at", self.requested_at_us),
        ]
        if self.payer_account_id == self.payee_account_id:
            errors.append(FieldError(field="payee_account_id", message="must differ from payer_account_id"))
        if self.currency not in CURRENCIES:
            errors.append(FieldError(field="currency", message="must be USD"))
        if self.payment_rail_type not in set(Rail):
            errors.append(FieldError(field="payment_rail_type", message=f"must be one of {', '.join(Rail)}"))
        if errors:
            raise InvalidCommand(tuple(errors))

    @property
    def payment_id(self) -> str:
        return payment_id(self.tenant_id, self.idempotency_key)

    @property
    def key(self) -> str:
        return payment_key(self.tenant_id, self.idempotency_key)

    @property
    def id(self) -> str:
        return self.command_id

    @property
    def fingerprint(self) -> bytes:
        return fingerprint(
            lease_id=self.lease_id,
            payer_account_id=self.payer_account_id,
            payee_account_id=self.payee_account_id,
            amount_minor=self.amount_minor,
            currency=self.currency,
            payment_rail_type=self.payment_rail_type,
            description=self.description,
            metadata_json=self.metadata_json,
            effective_date=self.effective_date,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPayment:
    """Stop a payment that no rail has claimed; `cancel_key` is the cancel's own idempotency key.

    It travels under the payment's key, so that it meets the payment on its partition.
    """

    tenant_id: str
    idempotency_key: str
    cancel_key: str
    requested_at_us: int

    def __post_init__(self) -> None:
        errors = [
            *_key_errors(self.tenant_id, self.idempotency_key, system=True),
            *_key_errors(self.tenant_id, self.cancel_key, system=True),
            *_time_errors("requested_at", self.requested_at_us),
        ]
        if errors:
            raise InvalidCommand(tuple(errors))

    @property
    def payment_id(self) -> str:
        return payment_id(self.tenant_id, self.idempotency_key)

    @property
    def key(self) -> str:
        return payment_key(self.tenant_id, self.idempotency_key)

    @property
    def id(self) -> str:
        return cancel_id(self.payment_id, self.cancel_key)


class Report(StrEnum):
    """What a rail may say of a payment."""

    CLAIMED = "claimed"  # The gateway takes it: from here on it can no longer be cancelled.
    SETTLED = "settled"  # The money has arrived.
    REJECTED = "rejected"  # The bank, or the gateway's own check, refused it before any money moved.
    RETURNED = "returned"  # The receiving bank sent it back: before completion a failure, after it a return.


class ReportSource(StrEnum):
    """Whose word a report is: the rail's (its own codes) or ours."""

    RAIL = "rail"
    DIRECTPAY = "directpay"


@dataclass(frozen=True, slots=True, kw_only=True)
class RailReport:
    """What happened to attempt `attempt` of a payment at `occurred_at_us`; `code` and `reason` say why it failed."""

    tenant_id: str
    idempotency_key: str
    attempt: int
    report: Report
    occurred_at_us: int
    amount_minor: int | None = None
    code: str | None = None
    reason: str | None = None
    source: ReportSource = ReportSource.RAIL
    bank_reference: str | None = None

    def __post_init__(self) -> None:
        errors = [
            *_key_errors(self.tenant_id, self.idempotency_key, system=True),
            *_time_errors("occurred_at", self.occurred_at_us),
            *(_amount_errors(self.amount_minor) if self.amount_minor is not None else ()),
            *_text_errors("code", self.code, TENANT_CHARACTERS_MAX),
            *_text_errors("reason", self.reason, REASON_CHARACTERS_MAX),
            *_text_errors("bank_reference", self.bank_reference, REASON_CHARACTERS_MAX),
        ]
        if self.attempt < 1:
            errors.append(FieldError(field="attempt", message="must be at least 1"))
        if self.report in (Report.REJECTED, Report.RETURNED) and not self.code:
            errors.append(FieldError(field="code", message="is required when the payment is rejected or returned"))
        if errors:
            raise InvalidCommand(tuple(errors))

    @property
    def payment_id(self) -> str:
        return payment_id(self.tenant_id, self.idempotency_key)

    @property
    def key(self) -> str:
        return payment_key(self.tenant_id, self.idempotency_key)

    @property
    def id(self) -> str:
        return report_id(self.payment_id, self.attempt, self.report)


Order = InitiatePayment | CancelPayment | RailReport


def canonical_metadata(value: Any) -> str:
    """Return a caller's metadata (a JSON object, or None for none) as canonical JSON text, or raise InvalidCommand."""
    try:
        text = canonical_json({} if value is None else value)
    except (ValueError, TypeError, RecursionError):
        raise InvalidCommand((FieldError(field="metadata", message="must be a JSON object"),)) from None
    errors = tuple(_metadata_errors(text))
    if errors:
        raise InvalidCommand(errors)
    return text


def _key_errors(tenant_id: str, key: str, *, system: bool) -> list[FieldError]:
    errors = []
    if not 0 < len(tenant_id) <= TENANT_CHARACTERS_MAX or ":" in tenant_id or not is_clean_text(tenant_id):
        # With a colon, two tenants could share a payment: `a:b` + `c` and `a` + `b:c` are one Kafka key.
        message = f"must be 1 to {TENANT_CHARACTERS_MAX} characters without a colon"
        errors.append(FieldError(field="tenant_id", message=message))
    try:
        check_key(key, system=system)
    except InvalidIdempotencyKey as refusal:
        errors.extend(refusal.errors)
    return errors


def _uuid_errors(field: str, text: str) -> list[FieldError]:
    try:
        canonical = str(UUID(text))
    except ValueError:
        canonical = ""
    return [] if canonical == text else [FieldError(field=field, message="must be a lowercase UUID")]


def _amount_errors(minor: int) -> list[FieldError]:
    try:
        check_amount_minor(minor)
    except InvalidAmount as error:
        return [FieldError(field="amount", message=str(error))]
    return []


def _text_errors(field: str, text: str | None, characters_max: int) -> list[FieldError]:
    if text is None:
        return []
    if len(text) > characters_max:
        return [FieldError(field=field, message=f"must be at most {characters_max} characters")]
    if not is_clean_text(text):
        return [FieldError(field=field, message="must be Unicode text without NUL")]
    return []


def _metadata_errors(text: str) -> list[FieldError]:
    def fault(message: str) -> list[FieldError]:
        return [FieldError(field="metadata", message=message)]

    # Surrogates are looked for before encoding, which would fail on them.
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        return fault("must be Unicode text")
    if len(text.encode()) > METADATA_BYTES_MAX:
        return fault(f"must be at most {METADATA_BYTES_MAX} bytes as JSON")
    try:
        value = json.loads(text)
        canonical = canonical_json(value)
    except (ValueError, RecursionError):
        return fault("must be a JSON object")
    if not isinstance(value, dict):
        return fault("must be a JSON object")
    if "\\u0000" in canonical:
        return fault("must not contain NUL")
    # One body has one fingerprint: other spellings of the same JSON would look like another body.
    return [] if canonical == text else fault("must be canonical JSON: sorted keys, no spaces, no needless escapes")


def _effective_date_errors(text: str | None) -> list[FieldError]:
    if text is None:
        return []
    try:
        parsed = date.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.isoformat() != text or not 2000 <= parsed.year < 2200:
        return [FieldError(field="effective_date", message="must be a date such as 2026-03-01")]
    return []


def _time_errors(field: str, at_us: int) -> list[FieldError]:
    if YEAR_2000_US <= at_us < YEAR_2200_US:
        return []
    return [FieldError(field=field, message="must be microseconds since 1970-01-01 UTC, from 2000 to 2199")]
