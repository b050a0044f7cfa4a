"""Promise 1: an idempotency key has one payment, and every caller is told the truth about it."""

from __future__ import annotations

import collections
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka import Producer

from payments.commands import InitiatePayment
from payments.idempotency import payment_id
from payments.rejection import Rejection
from schemas.codec import decode, encode
from schemas.topics import PAYMENT_COMMANDS, PAYMENT_EVENTS, PAYMENT_REJECTIONS
from tests.e2e.tenancy import Tenancy
from tests.e2e.topics import read_all

CALLERS = 200


@pytest.fixture(scope="module")
def tenancy(stack: Any) -> Tenancy:
    return Tenancy.open(stack.stack)


def test_200_concurrent_posts_with_one_key_make_one_payment_and_get_the_same_bytes(tenancy: Tenancy) -> None:
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: tenancy.pay(key), range(CALLERS)))
    assert collections.Counter(answer.status_code for answer in answers) == {201: 1, 200: CALLERS - 1}
    assert len({answer.content for answer in answers}) == 1
    assert all(
        (answer.headers.get("Idempotency-Replayed") == "true") == (answer.status_code == 200) for answer in answers
    )
    listed = tenancy.http.get("/api/v1/payments/", params={"idempotency_key": key}).json()["items"]
    assert [item["id"] for item in listed] == [payment_id(tenancy.tenant_id, key)]


def test_another_body_under_the_key_is_refused_and_changes_nothing(tenancy: Tenancy, stack: Any) -> None:
    key = uuid.uuid4().hex
    created = tenancy.pay(key, amount="10.00").json()
    tenancy.wait_for(created["id"], "completed")
    before = tenancy.payment(created["id"]), tenancy.history(created["id"])
    for change in ({"amount": "10.01"}, {"payment_rail_type": "wire"}, {"metadata": {"a": "b"}}, {"lease_id": None}):
        answer = tenancy.pay(key, **({"amount": "10.00"} | change))
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert (tenancy.payment(created["id"]), tenancy.history(created["id"])) == before
    # The same amount in other words is the same body.
    assert tenancy.pay(key, amount=10).status_code == 200
    assert tenancy.pay(key, amount=10.0).content == tenancy.pay(key, amount="10").content


# librdkafka's own default puts keys elsewhere than Java's; `murmur2_random` is where the key's payment lives.
@pytest.mark.parametrize("partitioner", ["consistent_random", "murmur2_random"])
def test_commands_straight_to_kafka_make_one_payment_whatever_the_partitioner(
    tenancy: Tenancy, stack: Any, partitioner: str
) -> None:
    keys = [f"{partitioner}-{uuid.uuid4().hex}" for _ in range(40)]
    others = {key: _command(tenancy, key, amount_minor=99) for key in keys}
    producer = Producer({"bootstrap.servers": stack.stack["kafka"], "partitioner": partitioner, "acks": "all"})
    failures: list[object] = []

    def send(command: InitiatePayment) -> None:
        def delivered(error: object, _message: object) -> None:
            if error is not None:
                failures.append(error)

        producer.produce(PAYMENT_COMMANDS.name, key=command.key, value=encode(command), on_delivery=delivered)

    for key in keys:
        first = _command(tenancy, key, amount_minor=1234)
        for _ in range(3):
            send(first)
        send(_command(tenancy, key, amount_minor=1234))
    assert producer.flush(30) == 0
    assert not failures
    for key in keys:
        tenancy.wait_for(payment_id(tenancy.tenant_id, key), "completed")
    for command in others.values():
        send(command)
    assert producer.flush(30) == 0
    wanted = {command.command_id for command in others.values()}
    assert wanted <= _refused_command_ids(stack.stack["kafka"], wanted)
    ids = {payment_id(tenancy.tenant_id, key) for key in keys}
    for identity in ids:
        payment = tenancy.payment(identity)
        assert (payment["amount"], payment["status"]) == ("12.34", "completed")
        assert [event["new_status"] for event in tenancy.history(identity)] == ["pending", "processing", "completed"]
    events = [m for m in read_all(stack.stack["kafka"], PAYMENT_EVENTS.name) if (m.key() or b"").decode() in ids]
    assert len(events) == 3 * len(ids), "each transition is one event"
    # An HTTP caller who uses such a key is told the same truth.
    body = {"lease_id": None, "amount": "12.34"}
    assert tenancy.pay(keys[0], **body).status_code == 200
    assert tenancy.pay(keys[0], **(body | {"amount": "0.99"})).status_code == 422


def _command(tenancy: Tenancy, key: str, *, amount_minor: int) -> InitiatePayment:
    return InitiatePayment(
        command_id=str(uuid.uuid4()),
        tenant_id=tenancy.tenant_id,
        idempotency_key=key,
        payer_account_id=tenancy.payer,
        payee_account_id=tenancy.payee,
        amount_minor=amount_minor,
        payment_rail_type="instant",
        requested_at_us=time.time_ns() // 1000,
    )


def _refused_command_ids(bootstrap: str, wanted: set[str]) -> set[str]:
    deadline = time.monotonic() + 30
    while True:
        values = [decode(m.value() or b"") for m in read_all(bootstrap, PAYMENT_REJECTIONS.name)]
        found = {value.command_id for value in values if isinstance(value, Rejection) and value.command_id is not None}
        if wanted <= found or time.monotonic() > deadline:
            return found
