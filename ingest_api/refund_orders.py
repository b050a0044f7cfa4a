"""A refund's body as the command that it asks for, and the outcome of that command as its answer."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from ingest_api.bodies import Fields
from ingest_api.idempotency import FIELD
from ingest_api.payment_orders import PaymentAnswer
from ingest_api.problems import Problem, problem_of, problem_of_rejection
from ingest_api.representations import payment_as_created, refund_accepted
from payments.payment import Head
from payments.refund_orders import RefundPayment
from payments.refusals import KeyReusedWithOtherBody
from projections.queries import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRefund:
    """A refund that is asked for, with the terms of the payment that it gives back."""

    order: RefundPayment
    original: Head

    @property
    def tenant_id(self) -> str:
        return self.order.tenant_id

    @property
    def payment_id(self) -> str:
        """The refund's own id: it is a payment."""
        return self.order.refund_id

    @property
    def command_id(self) -> str:
        return self.order.command_id

    @property
    def fingerprint(self) -> bytes:
        return self.order.fingerprint


def asked_refund(members: dict[str, Any], key: str, *, original: Head, now_us: int) -> AskedRefund:
    """Return the refund that a body asks for, or raise InvalidCommand with every fault of it."""
    fields = Fields(members)
    fields.optional_text(FIELD)  # Read and judged with the header already.
    terms: dict[str, Any] = {
        "amount_minor": fields.optional_amount("amount"),
        "description": fields.optional_text("description"),
        "metadata_json": fields.metadata("metadata"),
    }
    fields.refuse_others()
    order = fields.build(
        lambda: RefundPayment(
            command_id=str(uuid.uuid4()),
            tenant_id=original.tenant_id,
            idempotency_key=original.idempotency_key,
            refund_key=key,
            requested_at_us=now_us,
            **terms,
        )
    )
    return AskedRefund(order=order, original=original)


def answer_of_refund(asked: AskedRefund, outcome: Outcome | None) -> PaymentAnswer | Problem:
    """Return what to tell the caller: 201, 200, 202, or the problem."""
    if outcome is None:
        return PaymentAnswer(status=202, payment=refund_accepted(asked.order, asked.original))
    row = outcome.payment
    if row is None:
        assert outcome.rejection is not None, "an outcome is a payment or a rejection"
        rejection = outcome.rejection
        return problem_of_rejection(rejection.reason, rejection.detail, rejection.errors)
    if row.created_by == asked.command_id:
        return PaymentAnswer(status=201, payment=payment_as_created(row.head))
    if row.head.fingerprint == asked.order.fingerprint:
        return PaymentAnswer(status=200, payment=payment_as_created(row.head), replayed=True)
    return problem_of(KeyReusedWithOtherBody(asked.payment_id))
