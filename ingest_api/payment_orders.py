"""A payment's body as the command that it asks for, and the outcome of a command as its answer."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

import msgspec

from ingest_api.bodies import Fields
from ingest_api.idempotency import FIELD
from ingest_api.problems import Problem, problem_of, problem_of_rejection
from ingest_api.representations import payment_accepted, payment_as_created
from payments.commands import InitiatePayment
from payments.refusals import KeyReusedWithOtherBody
from projections.queries import Outcome, Wait

CURRENCY_DEFAULT = "USD"


class PaymentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller is told of a payment: the status, its body, and whether it is an earlier answer again."""

    status: int
    payment: dict[str, Any]
    replayed: bool = False


def payment_order(members: dict[str, Any], key: str, *, tenant_id: str, now_us: int) -> InitiatePayment:
    """Return the command that a body asks for, or raise InvalidCommand with every fault of it."""
    fields = Fields(members)
    fields.optional_text(FIELD)  # Read and judged with the header already.
    currency = fields.optional_text("currency")
    terms: dict[str, Any] = {
        "lease_id": fields.optional_text("lease_id"),
        "payer_account_id": fields.text("payer_account_id"),
        "payee_account_id": fields.text("payee_account_id"),
        "amount_minor": fields.amount("amount"),
        "currency": CURRENCY_DEFAULT if currency is None else currency,
        "payment_rail_type": fields.text("payment_rail_type"),
        "description": fields.optional_text("description"),
        "metadata_json": fields.metadata("metadata"),
        "effective_date": fields.optional_text("effective_date"),
    }
    fields.refuse_others()
    return fields.build(
        lambda: InitiatePayment(
            command_id=str(uuid.uuid4()), tenant_id=tenant_id, idempotency_key=key, requested_at_us=now_us, **terms
        )
    )


class Creating(Protocol):
    """A command that creates a payment."""

    @property
    def payment_id(self) -> str: ...
    @property
    def command_id(self) -> str: ...


def wait_of(order: Creating) -> Wait:
    """Return what to wait for to know a payment's outcome."""
    return Wait(payment_id=order.payment_id, command_id=order.command_id, kind="initiate")


def answer_of(order: InitiatePayment, outcome: Outcome | None) -> PaymentAnswer | Problem:
    """Return what to tell the caller of `order`: 201, 200, 202, or the problem."""
    if outcome is None:
        return PaymentAnswer(status=202, payment=payment_accepted(order))
    row = outcome.payment
    if row is None:
        assert outcome.rejection is not None, "an outcome is a payment or a rejection"
        rejection = outcome.rejection
        return problem_of_rejection(rejection.reason, rejection.detail, rejection.errors)
    if row.created_by == order.command_id:
        return PaymentAnswer(status=201, payment=payment_as_created(row.head))
    if row.head.fingerprint == order.fingerprint_by(row.head.fingerprint_version):
        return PaymentAnswer(status=200, payment=payment_as_created(row.head), replayed=True)
    return problem_of(KeyReusedWithOtherBody(order.payment_id))
