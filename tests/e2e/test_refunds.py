"""Refunds from HTTP to the views and the bank: never more than was paid, whoever asks and whatever comes between."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import Producer

from payments.refund_orders import RefundPayment
from schemas.codec import encode
from schemas.topics import PARTITIONS_DEFAULT, PAYMENT_COMMANDS
from tests.e2e.tenancy import POLL_S, SETTLE_WAIT_S_MAX, Tenancy


@pytest.fixture(scope="module")
def tenancy(stack: Any) -> Tenancy:
    return Tenancy.open(stack.stack)


def refund(tenancy: Tenancy, payment_id: str, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    return tenancy.http.post(f"/api/v1/payments/{payment_id}/refunds", headers=headers, json=body)


def completed(tenancy: Tenancy, key: str | None = None) -> str:
    payment_id: str = tenancy.pay(key).json()["id"]
    tenancy.wait_for(payment_id, "completed")
    return payment_id


def until_refunded(tenancy: Tenancy, payment_id: str, amount: str) -> dict[str, Any]:
    """Return the payment once so much of it is refunded: it hears of a refund's end behind that end."""
    deadline = time.monotonic() + SETTLE_WAIT_S_MAX
    while (payment := tenancy.payment(payment_id))["refunded_amount"] != amount:
        assert time.monotonic() < deadline, payment
        time.sleep(POLL_S)
    return payment


def asked(stack: Any, question: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.stack["analyst"]) as connection:
        return connection.execute(question, parameters).fetchall()


def paid_on_the_lease(stack: Any, tenancy: Tenancy) -> Decimal:
    [(paid,)] = asked(stack, "SELECT sum(paid) FROM analytics.lease_ledger WHERE lease_id = %s", tenancy.lease)
    return Decimal(paid)


def balances(stack: Any, *payment_ids: str) -> dict[str, Decimal]:
    rows = asked(
        stack,
        """SELECT account, sum(CASE direction WHEN 'credit' THEN amount ELSE -amount END)
        FROM analytics.ledger_entries WHERE payment_id = ANY (%s::uuid[]) GROUP BY account""",
        list(payment_ids),
    )
    return {account: balance for account, balance in rows if balance}


def test_a_payment_is_refunded_in_part_and_then_whole_from_http_to_ledger(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack)
    payment_id = completed(tenancy)
    assert paid_on_the_lease(stack, tenancy) == 1500
    first = refund(tenancy, payment_id, "part", amount="500.00", description="heating")
    part = first.json()
    assert (first.status_code, part["refund_of"], part["amount"]) == (201, payment_id, "500.00")
    assert (part["payer_account_id"], part["payee_account_id"]) == (tenancy.payee, tenancy.payer)
    tenancy.wait_for(part["id"], "completed")
    assert until_refunded(tenancy, payment_id, "500.00")["status"] == "completed"
    assert paid_on_the_lease(stack, tenancy) == 1000
    again = refund(tenancy, payment_id, "part", amount=500, description="heating")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert refund(tenancy, payment_id, "part", amount="500.00").status_code == 422
    too_much = refund(tenancy, payment_id, amount="1000.01")
    assert (too_much.status_code, too_much.json()["errors"][0]["field"]) == (409, "amount")
    rest = refund(tenancy, payment_id, "rest").json()
    assert rest["amount"] == "1000.00"
    tenancy.wait_for(rest["id"], "completed")
    tenancy.wait_for(payment_id, "refunded")
    assert tenancy.payment(payment_id)["refunded_amount"] == "1500.00"
    assert [event["event_type"] for event in tenancy.history(payment_id)] == [
        "payment_initiated", "payment_processing", "payment_completed", "payment_refund_initiated", "payment_refunded",
        "payment_refund_initiated", "payment_refunded",
    ]  # fmt: skip
    assert paid_on_the_lease(stack, tenancy) == 0
    assert balances(stack, payment_id, part["id"], rest["id"]) == {}
    assert balances(stack, payment_id) == {
        f"bank_account:{tenancy.payer}": Decimal("-1500.00"),
        f"bank_account:{tenancy.payee}": Decimal("1500.00"),
    }


def test_many_refunds_racing_each_other_never_give_back_more_than_was_paid(stack: Any, tenancy: Tenancy) -> None:
    payment_id = completed(tenancy)
    with ThreadPoolExecutor(20) as pool:
        # Four fit; ten keys are asked for twice each.
        answers = list(pool.map(lambda n: refund(tenancy, payment_id, f"race-{n % 10}", amount="375.00"), range(20)))
    counts = Counter(answer.status_code for answer in answers)
    assert counts[201] == 4, counts
    assert set(counts) <= {200, 201, 409}, counts
    made = {answer.json()["id"] for answer in answers if answer.status_code < 300}
    assert len(made) == 4
    for refund_id in made:
        tenancy.wait_for(refund_id, "completed")
    tenancy.wait_for(payment_id, "refunded")
    moved = asked(stack, "SELECT count(*), sum(amount) FROM analytics.payments WHERE refund_of = %s::uuid", payment_id)
    assert moved == [(4, Decimal("1500.00"))]
    assert balances(stack, payment_id, *made) == {}


def test_refunds_racing_a_return_are_stopped_or_told_and_the_books_balance(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack)
    sent_back = tenancy.account(tenancy.renter, "20001")
    refunds = {}
    for rail in ("instant", "same_day_ach"):
        payment_id = tenancy.pay(payer_account_id=sent_back, payment_rail_type=rail).json()["id"]
        tenancy.wait_for(payment_id, "completed", "returned")
        answer = refund(tenancy, payment_id)
        assert answer.status_code in (201, 409), answer.text
        refunds[payment_id] = answer.json()["id"] if answer.status_code == 201 else None
    for payment_id, refund_id in refunds.items():
        tenancy.wait_for(payment_id, "returned")
        assert refund(tenancy, payment_id, "too-late").status_code == 409
        if refund_id is None:
            continue
        # What it gives back to is sent back by its bank, too, when it gets there.
        ended = tenancy.wait_for(refund_id, "cancelled", "returned")
        told = "payment_refund_failed" if ended["status"] == "cancelled" else "payment_refund_returned"
        _until_told(tenancy, payment_id, told)
        assert tenancy.payment(payment_id)["refunded_amount"] == "0.00"
        assert balances(stack, payment_id, refund_id) == {}


def test_a_refund_that_is_cancelled_in_time_leaves_its_amount_to_be_refunded(stack: Any, tenancy: Tenancy) -> None:
    payment_id = completed(tenancy, key := uuid.uuid4().hex)
    # Asked for later than now, so that no rail claims it before it is cancelled.
    order = refund_over_kafka(stack, tenancy, key, amount_minor=None, after_s=SETTLE_WAIT_S_MAX)
    assert tenancy.wait_for(order.refund_id, "pending")["amount"] == "1500.00"
    assert refund(tenancy, payment_id).status_code == 409, "all of it is reserved"
    assert tenancy.cancel(order.refund_id).json()["status"] == "cancelled"
    _until_told(tenancy, payment_id, "payment_refund_failed")
    assert refund(tenancy, payment_id).json()["amount"] == "1500.00"


def test_a_refund_ordered_over_kafka_on_any_partition_is_the_same_refund(stack: Any, tenancy: Tenancy) -> None:
    payment_id = completed(tenancy, key := uuid.uuid4().hex)
    order = refund_over_kafka(stack, tenancy, key, amount_minor=100)
    tenancy.wait_for(order.refund_id, "completed")
    assert until_refunded(tenancy, payment_id, "1.00")["status"] == "completed"
    over_http = refund(tenancy, payment_id, "over-kafka", amount="1.00")
    assert (over_http.status_code, over_http.json()["id"]) == (200, order.refund_id)


def refund_over_kafka(
    stack: Any, tenancy: Tenancy, key: str, *, amount_minor: int | None, after_s: float = 0.0
) -> RefundPayment:
    """Order a refund on every partition at once, right and wrong ones."""
    order = RefundPayment(
        command_id=str(uuid.uuid4()),
        tenant_id=tenancy.tenant_id,
        idempotency_key=key,
        refund_key="over-kafka",
        amount_minor=amount_minor,
        requested_at_us=int((time.time() + after_s) * 1_000_000),
    )
    producer = Producer({"bootstrap.servers": stack.stack["kafka"], "acks": "all"})
    for partition in range(PARTITIONS_DEFAULT):
        producer.produce(PAYMENT_COMMANDS.name, key=order.key, value=encode(order), partition=partition)
    assert producer.flush(20) == 0
    return order


def _until_told(tenancy: Tenancy, payment_id: str, event_type: str) -> None:
    deadline = time.monotonic() + SETTLE_WAIT_S_MAX
    while event_type not in (told := [event["event_type"] for event in tenancy.history(payment_id)]):
        assert time.monotonic() < deadline, told
        time.sleep(POLL_S)
