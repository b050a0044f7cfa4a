"""What may be ordered of a payment, and what a rail may report: the inputs of every decision."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from payments.fields import (
    DESCRIPTION_CHARACTERS_MAX,
    Faults,
    amount_faults,
    date_faults,
    fault,
    key_faults,
    tenant_faults,
    text_faults,
    time_faults,
    uuid_faults,
)
from payments.idempotency import FINGERPRINT_VERSION, cancel_id, fingerprint, payment_id, payment_key, report_id
from payments.metadata import canonical_metadata, metadata_faults
from payments.money import CURRENCIES
from payments.rails import RAILS
from payments.refund_orders import InitiateRefund, RefundOutcome, RefundPayment, RefundReport
from payments.refusals import InvalidCommand

__all__ = [
    "DESCRIPTION_CHARACTERS_MAX",
    "CancelPayment",
    "InitiatePayment",
    "InitiateRefund",
    "Order",
    "RailReport",
    "RefundOutcome",
    "RefundPayment",
    "RefundReport",
    "Report",
    "ReportSource",
    "canonical_metadata",
]

REASON_CHARACTERS_MAX = 500
CODE_CHARACTERS_MAX = 64
# Every attempt may leave transitions in the payment's record, which has a bound, and the bank's reference has room for
# two digits. Nacha re-presents an entry twice.
ATTEMPTS_MAX = 99


class InitiatePayment(msgspec.Struct, frozen=True, kw_only=True):
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
        faults = (
            *tenant_faults(self.tenant_id),
            *key_faults("idempotency_key", self.idempotency_key, system=self.refund_of is not None),
            *uuid_faults("command_id", self.command_id),
            *uuid_faults("lease_id", self.lease_id),
            *uuid_faults("payer_account_id", self.payer_account_id),
            *uuid_faults("payee_account_id", self.payee_account_id),
            *uuid_faults("refund_of", self.refund_of),
            *amount_faults("amount", self.amount_minor),
            *text_faults("description", self.description, DESCRIPTION_CHARACTERS_MAX),
            *metadata_faults("metadata", self.metadata_json),
            *date_faults("effective_date", self.effective_date),
            *time_faults("requested_at", self.requested_at_us),
            *self._term_faults(),
        )
        if faults:
            raise InvalidCommand(faults)

    def _term_faults(self) -> Faults:
        faults: Faults = ()
        if self.payer_account_id == self.payee_account_id:
            faults += fault("payee_account_id", "must differ from payer_account_id")
        if self.currency not in CURRENCIES:
            faults += fault("currency", "must be USD")
        if self.payment_rail_type not in RAILS:
            faults += fault("payment_rail_type", f"must be one of {', '.join(RAILS)}")
        return faults

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
        return self.fingerprint_by(FINGERPRINT_VERSION)

    def fingerprint_by(self, version: int) -> bytes:
        """Return what this body's fingerprint is by a version: a payment is compared by the one it was created by."""
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
            version=version,
        )


class CancelPayment(msgspec.Struct, frozen=True, kw_only=True):
    """Stop a payment that no rail has claimed; `cancel_key` is the cancel's own idempotency key.

    It travels under the payment's key, so that it meets the payment on its partition.
    """

    tenant_id: str
    idempotency_key: str
    cancel_key: str
    requested_at_us: int

    def __post_init__(self) -> None:
        faults = (
            *tenant_faults(self.tenant_id),
            *key_faults("idempotency_key", self.idempotency_key, system=True),
            *key_faults("cancel_key", self.cancel_key, system=True),
            *time_faults("requested_at", self.requested_at_us),
        )
        if faults:
            raise InvalidCommand(faults)

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


# These say why, with a code.
FAILURES = frozenset((Report.REJECTED, Report.RETURNED))


class ReportSource(StrEnum):
    """Whose word a report is: the rail's (its own codes) or ours."""

    RAIL = "rail"
    DIRECTPAY = "directpay"


class RailReport(msgspec.Struct, frozen=True, kw_only=True):
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
        faults = (
            *tenant_faults(self.tenant_id),
            *key_faults("idempotency_key", self.idempotency_key, system=True),
            *time_faults("occurred_at", self.occurred_at_us),
            *amount_faults("amount", self.amount_minor),
            *text_faults("code", self.code, CODE_CHARACTERS_MAX),
            *text_faults("reason", self.reason, REASON_CHARACTERS_MAX),
            *text_faults("bank_reference", self.bank_reference, REASON_CHARACTERS_MAX),
            *self._outcome_faults(),
        )
        if faults:
            raise InvalidCommand(faults)

    def _outcome_faults(self) -> Faults:
        faults: Faults = ()
        if not 1 <= self.attempt <= ATTEMPTS_MAX:
            faults += fault("attempt", f"must be from 1 to {ATTEMPTS_MAX}")
        if self.report in FAILURES and not self.code:
            faults += fault("code", "is required when the payment is rejected or returned")
        return faults

    @property
    def payment_id(self) -> str:
        return payment_id(self.tenant_id, self.idempotency_key)

    @property
    def key(self) -> str:
        return payment_key(self.tenant_id, self.idempotency_key)

    @property
    def id(self) -> str:
        return report_id(self.payment_id, self.attempt, self.report)


Order = InitiatePayment | CancelPayment | RefundPayment | InitiateRefund | RailReport | RefundReport
