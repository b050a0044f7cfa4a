"""What is sent of an event, and that receivers can verify it with the standard's own package."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from directory.webhook_secrets import secret_text
from payments.commands import Order, RefundOutcome
from payments.payment import Payment
from payments.representation import payment_now, payment_then, transition_shown
from tests.unit.payments.histories import (
    IN_EACH_STATUS,
    MARCH,
    after_all,
    claimed,
    lives,
    refund,
    refund_told,
    returned,
    settled,
)
from webhooks.message import message_body, signed_headers

FIRST, SECOND, OTHER = (secret_text(bytes([n]) * 32) for n in (1, 2, 3))


def test_a_body_has_the_payment_as_it_was_then_and_the_transition() -> None:
    payment = after_all([MARCH, claimed(), settled(), returned()])[-1]
    body = json.loads(message_body(payment, 3))
    assert body["type"] == "payment_completed"
    assert body["timestamp"] == body["data"]["transition"]["timestamp"] == "2025-02-20T14:34:30.000000Z"
    assert body["data"]["payment"] == {
        "id": payment.payment_id,
        "status": "completed",
        "amount": "1500.00",
        "currency": "USD",
        "lease_id": MARCH.lease_id,
        "payer_account_id": MARCH.payer_account_id,
        "payee_account_id": MARCH.payee_account_id,
        "payment_rail_type": "standard_ach",
        "idempotency_key": "payment-march-001",
        "description": "March rent",
        "initiated_at": "2025-02-20T14:32:00.000000Z",
        "updated_at": "2025-02-20T14:34:30.000000Z",
        "completed_at": "2025-02-20T14:34:30.000000Z",
        "expected_settlement_at": body["data"]["payment"]["expected_settlement_at"],
        "refunded_amount": "0.00",
        "metadata": {"note": "thanks"},
    }
    transition = body["data"]["transition"]
    assert (transition["sequence"], transition["previous_status"], transition["new_status"]) == (
        3,
        "processing",
        "completed",
    )
    assert transition["metadata"]["bank_reference"] == "bank-1"
    assert transition["hash"] == payment.transitions[2].hash.hex()
    assert json.loads(message_body(payment, 4))["data"]["payment"]["failure"]["code"] == "R01"


@given(lives)
def test_every_later_snapshot_gives_the_same_bytes_of_what_was_then(orders: list[Order]) -> None:
    snapshots = after_all(orders)
    for earlier, later in pairwise(snapshots):
        for step in earlier.transitions:
            assert message_body(earlier, step.sequence) == message_body(later, step.sequence)


@pytest.mark.parametrize("payment", IN_EACH_STATUS.values(), ids=IN_EACH_STATUS)
def test_after_the_last_transition_it_is_the_payment_as_it_stands(payment: Payment) -> None:
    assert payment_then(payment, len(payment.transitions)) == payment_now(
        payment.head,
        status=payment.status,
        updated_at_us=payment.updated_at_us,
        completed_at_us=payment.completed_at_us,
        failure=payment.failure,
        refunded_minor=payment.refunded_minor,
    )
    shown = transition_shown(payment.head, payment.last)
    assert shown["metadata"].items() >= payment.last.changes.items()


def test_what_was_refunded_is_what_was_refunded_then() -> None:
    payment = after_all(
        [MARCH, claimed(), settled(), refund(amount_minor=50_000), refund_told(RefundOutcome.COMPLETED)]
    )[-1]
    amounts = [payment_then(payment, sequence)["refunded_amount"] for sequence in range(1, 6)]
    assert amounts == ["0.00", "0.00", "0.00", "0.00", "500.00"]


@given(
    st.lists(st.sampled_from([FIRST, SECOND]), min_size=1, unique=True), st.sampled_from(list(IN_EACH_STATUS.values()))
)
def test_every_secret_that_signs_verifies_and_no_other(secrets: list[str], payment: Payment) -> None:
    body = message_body(payment, 1)
    headers = signed_headers(f"{payment.payment_id}:1", body, at_s=int(time.time()), secrets=secrets)
    assert headers["webhook-id"] == f"{payment.payment_id}:1"
    assert len(headers["webhook-signature"].split(" ")) == len(secrets)
    for secret in secrets:
        assert Webhook(secret).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(body, headers | {"webhook-id": "another"})
