"""What may be ordered of refunds, and what a refund tells the payment that it gives back.

RefundPayment meets the original on its partition and reserves the amount there; InitiateRefund makes the refund, a
payment in the other direction, on its own partition; RefundReport tells the original what became of it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from payments.fields import (
    DESCRIPTION_CHARACTERS_MAX,
    Faults,
    amount_faults,
    fault,
    key_faults,
    tenant_faults,
    text_faults,
    time_faults,
    uuid_faults,
)
from payments.idempotency import (
    payment_id,
    payment_key,
    refund_fingerprint,
    refund_idempotency_key,
    refund_report_id,
)
from payments.metadata import metadata_faults
from payments.money import CURRENCIES
from payments.rails import RAILS
from payments.refusals import InvalidCommand

FINGERPRINT_BYTES = 32


class RefundPayment(msgspec.Struct, frozen=True, kw_only=True):
    """Give back `amount_minor` (cents) of a completed payment; None: all that is left of it.

    `refund_key` is the refund's own idempotency key: one refund for each payment and key. It travels under the
    payment's key, so that it meets the payment on its partition. Raises InvalidCommand, naming every field at fault.
    """

    command_id: str
    tenant_id: str
    idempotency_key: str
    refund_key: str
    amount_minor: int | None = None
    description: str | None = None
    metadata_json: str = "{}"
    requested_at_us: int

    def __post_init__(self) -> None:
        faults = (
            *uuid_faults("command_id", self.command_id),
            *tenant_faults(self.tenant_id),
            *key_faults("idempotency_key", self.idempotency_key, system=True),
            *key_faults("refund_key", self.refund_key, system=True),
            *amount_faults("amount", self.amount_minor),
            *text_faults("description", self.description, DESCRIPTION_CHARACTERS_MAX),
            *metadata_faults("metadata", self.metadata_json),
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
        return self.command_id

    @property
    def refund_idempotency_key(self) -> str:
        return refund_idempotency_key(self.payment_id, self.refund_key)

    @property
    def refund_id(self) -> str:
        """The id of the payment that the refund will be: known before anything is stored, the same for every retry."""
        return payment_id(self.tenant_id, self.refund_idempotency_key)

    @property
    def fingerprint(self) -> bytes:
        return refund_fingerprint(
            amount_minor=self.amount_minor, description=self.description, metadata_json=self.metadata_json
        )


class InitiateRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Make the refund that a RefundPayment (`command_id`, `fingerprint`) has reserved: the system's own command.

    `refund_of_key` is the idempotency key of the payment that is given back. Raises InvalidCommand.
    """

    command_id: str
    tenant_id: str
    idempotency_key: str
    refund_of_key: str
    fingerprint: bytes
    lease_id: str | None = None
    payer_account_id: str
    payee_account_id: str
    amount_minor: int
    currency: str = "USD"
    payment_rail_type: str
    description: str | None = None
    metadata_json: str = "{}"
    requested_at_us: int

    def __post_init__(self) -> None:
        faults = (
            *uuid_faults("command_id", self.command_id),
            *tenant_faults(self.tenant_id),
            *key_faults("idempotency_key", self.idempotency_key, system=True),
            *key_faults("refund_of_key", self.refund_of_key, system=True),
            *uuid_faults("lease_id", self.lease_id),
            *uuid_faults("payer_account_id", self.payer_account_id),
            *uuid_faults("payee_account_id", self.payee_account_id),
            *amount_faults("amount", self.amount_minor),
            *text_faults("description", self.description, DESCRIPTION_CHARACTERS_MAX),
            *metadata_faults("metadata", self.metadata_json),
            *time_faults("requested_at", self.requested_at_us),
            *self._term_faults(),
        )
        if faults:
            raise InvalidCommand(faults)

    def _term_faults(self) -> Faults:
        faults: Faults = ()
        if len(self.fingerprint) != FINGERPRINT_BYTES:
            faults += fault("fingerprint", f"must be {FINGERPRINT_BYTES} bytes")
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
    def refund_of(self) -> str:
        return payment_id(self.tenant_id, self.refund_of_key)

    @property
    def effective_date(self) -> None:
        """A refund moves as soon as its rail takes it."""
        return None

    def fingerprint_by(self, version: int) -> bytes:
        """Return the fingerprint of what the caller of the refund supplied; it has no versions yet."""
        return self.fingerprint


class RefundOutcome(StrEnum):
    """What has become of a refund."""

    COMPLETED = "completed"  # The money has arrived.
    FAILED = "failed"  # It never moved, or came back before it had arrived.
    CANCELLED = "cancelled"
    RETURNED = "returned"  # It had arrived and was sent back.


class RefundReport(msgspec.Struct, frozen=True, kw_only=True):
    """What has become of the refund `refund_id`, told under the key of the payment that it gives back.

    `sequence` is that of the refund's transition, `occurred_at_us` its time: the same report again changes nothing.
    """

    tenant_id: str
    idempotency_key: str
    refund_id: str
    sequence: int
    outcome: RefundOutcome
    occurred_at_us: int

    def __post_init__(self) -> None:
        faults = (
            *tenant_faults(self.tenant_id),
            *key_faults("idempotency_key", self.idempotency_key, system=True),
            *uuid_faults("refund_id", self.refund_id),
            *(fault("sequence", "must be at least 1") if self.sequence < 1 else ()),
            *time_faults("occurred_at", self.occurred_at_us),
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
        return refund_report_id(self.refund_id, self.sequence)
