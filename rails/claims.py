"""May the gateway claim this payment? Both accounts must exist, be in use, and belong to the payment's tenant.

The API has checked the same; but whoever writes to Kafka directly was not checked, and money must not move on their
word.
"""

from __future__ import annotations

from msgspec import Struct

from directory.entities import Kind
from directory.register import Register
from payments.commands import RailReport, Report, ReportSource
from payments.payment import Payment

ACCOUNT_NOT_FOUND = "account_not_found"
ACCOUNT_OF_OTHER_TENANT = "account_of_other_tenant"
ACCOUNT_REVOKED = "account_revoked"


class Fit(Struct, frozen=True, kw_only=True):
    """The payment may be claimed."""


class Unfit(Struct, frozen=True, kw_only=True):
    """The payment fails with our code, as far as the register knows."""

    code: str
    reason: str


class NumbersMissing(Struct, frozen=True, kw_only=True):
    """The account is known and its sealed numbers are not: they are written first, so they must be on their way."""

    account_id: str


Verdict = Fit | Unfit | NumbersMissing


def judge(payment: Payment, register: Register) -> Verdict:
    """Return what the register says of the payment's accounts, the payer's first."""
    for side, account_id in (("payer", payment.head.payer_account_id), ("payee", payment.head.payee_account_id)):
        entry = register.get(account_id)
        if entry is None or entry.kind is not Kind.BANK_ACCOUNT:
            return Unfit(code=ACCOUNT_NOT_FOUND, reason=f"the {side} account {account_id} does not exist")
        if entry.tenant_id != payment.head.tenant_id:
            return Unfit(code=ACCOUNT_OF_OTHER_TENANT, reason=f"the {side} account {account_id} is another tenant's")
        if not entry.is_active:
            return Unfit(code=ACCOUNT_REVOKED, reason=f"the {side} account {account_id} is no longer in use")
        if register.secret(account_id) is None:
            return NumbersMissing(account_id=account_id)
    return Fit()


def claim(payment: Payment, *, now_us: int) -> RailReport:
    """Return the report that takes the payment for its next attempt: from its decision on it cannot be cancelled."""
    return RailReport(
        tenant_id=payment.head.tenant_id,
        idempotency_key=payment.head.idempotency_key,
        attempt=payment.attempt + 1,
        report=Report.CLAIMED,
        occurred_at_us=now_us,
        source=ReportSource.DIRECTPAY,
    )


def refusal(payment: Payment, verdict: Unfit, *, now_us: int) -> RailReport:
    """Return the report that fails the payment before any bank hears of it."""
    return RailReport(
        tenant_id=payment.head.tenant_id,
        idempotency_key=payment.head.idempotency_key,
        attempt=payment.attempt + 1,
        report=Report.REJECTED,
        occurred_at_us=now_us,
        code=verdict.code,
        reason=verdict.reason,
        source=ReportSource.DIRECTPAY,
    )
