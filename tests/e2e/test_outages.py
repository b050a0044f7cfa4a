"""Promise 2: what was accepted is not lost, whichever part is down; what was not accepted is never sent later."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from payments.idempotency import payment_id
from schemas.topics import PAYMENT_EVENTS
from tests.e2e.tenancy import Tenancy
from tests.e2e.topics import read_all

ANSWER_S_MAX = 6.0  # "Within a few seconds": the producer's bound, the outcome wait, and a slow machine.


@pytest.fixture(scope="module")
def tenancy(stack: Any) -> Tenancy:
    return Tenancy.open(stack.stack)


@contextmanager
def _stopped(stack: Any, *components: str) -> Iterator[None]:
    for component in components:
        stack.stop_component(component)
    try:
        yield
    finally:
        for component in components:
            stack.start_component(component)


def _accepted(tenancy: Tenancy, key: str) -> str:
    answer = tenancy.pay(key)
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["id"] == payment_id(tenancy.tenant_id, key)
    assert body["initiated_at"] is None
    return str(body["id"])


def _check_references(tenancy: Tenancy, foreign: Tenancy) -> None:
    assert tenancy.http.get("/api/v1/payments/", headers={"Authorization": "Bearer wrong"}).status_code == 401
    unknown = tenancy.pay(payer_account_id=str(uuid.uuid4()))
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "payer_account_id")
    others = tenancy.pay(payee_account_id=foreign.payee)
    assert (others.status_code, others.json()["errors"][0]["field"]) == (422, "payee_account_id")


def _once(stack: Any, identity: str) -> None:
    events = [m for m in read_all(stack.stack["kafka"], PAYMENT_EVENTS.name) if m.key() == identity.encode()]
    assert len(events) == 3, "one record for each of pending, processing, completed"


def test_with_postgres_stopped_payments_are_accepted_and_checked_also_by_an_api_that_starts_meanwhile(
    tenancy: Tenancy, stack: Any
) -> None:
    foreign = Tenancy.open(stack.stack)
    keys = [uuid.uuid4().hex for _ in range(3)]
    with _stopped(stack, "postgres"):
        ids = [_accepted(tenancy, keys[0])]
        _check_references(tenancy, foreign)
        stack.stop_component("api")
        stack.start_component("api")
        ids.append(_accepted(tenancy, keys[1]))
        # The same request again is the same payment, still unknown.
        ids.append(_accepted(tenancy, keys[1]))
        _check_references(tenancy, foreign)
        read = tenancy.http.get(f"/api/v1/payments/{ids[0]}")
        assert (read.status_code, "Retry-After" in read.headers) in ((503, True), (202, False)), read.text
    for identity in ids:
        tenancy.wait_for(identity, "completed")
        _once(stack, identity)
    assert tenancy.pay(keys[0]).status_code == 200


def test_with_the_stream_app_stopped_payments_are_accepted_and_made_when_it_returns(
    tenancy: Tenancy, stack: Any
) -> None:
    foreign = Tenancy.open(stack.stack)
    key = uuid.uuid4().hex
    with _stopped(stack, "stream"):
        identity = _accepted(tenancy, key)
        _accepted(tenancy, key)
        _check_references(tenancy, foreign)
    tenancy.wait_for(identity, "completed")
    _once(stack, identity)


def test_with_kafka_stopped_a_post_is_answered_503_and_a_retry_makes_exactly_one_payment(
    tenancy: Tenancy, stack: Any
) -> None:
    keys = [uuid.uuid4().hex for _ in range(3)]
    with _stopped(stack, "kafka"):
        for key in keys:
            began = time.monotonic()
            answer = tenancy.pay(key)
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) > 0
            assert time.monotonic() - began < ANSWER_S_MAX
    retried = keys[:2]
    for key in retried:
        deadline = time.monotonic() + 60
        while (answer := tenancy.pay(key)).status_code == 503:
            assert time.monotonic() < deadline, answer.text
        assert answer.status_code in (201, 202), answer.text
    for key in retried:
        identity = payment_id(tenancy.tenant_id, key)
        tenancy.wait_for(identity, "completed")
        _once(stack, identity)
    # The one that was not retried was answered 503, and did not slip in afterwards.
    unsent = payment_id(tenancy.tenant_id, keys[2])
    assert tenancy.http.get(f"/api/v1/payments/{unsent}").status_code == 404


@pytest.mark.parametrize("victim", ["stream", "rails", "bank", "projector", "api", "postgres", "kafka"])
def test_a_kill_9_under_load_loses_and_doubles_nothing(tenancy: Tenancy, stack: Any, victim: str) -> None:
    items = [tenancy.body(amount="1.00", payment_rail_type="wire") for _ in range(300)]
    ids = [payment_id(tenancy.tenant_id, item["idempotency_key"]) for item in items]
    answer = tenancy.http.post("/api/v1/payments/batch", json=items)
    assert answer.status_code == 200, answer.text
    assert {result["status"] for result in answer.json()["results"]} <= {201, 202}
    os.kill(stack.stack["pids"][victim][0], signal.SIGKILL)
    for identity in ids:
        tenancy.wait_for(identity, "completed", within_s=120)
    for identity in ids:
        assert [event["new_status"] for event in tenancy.history(identity)] == ["pending", "processing", "completed"]
    counts = dict.fromkeys(ids, 0)
    for message in read_all(stack.stack["kafka"], PAYMENT_EVENTS.name):
        key = (message.key() or b"").decode()
        if key in counts:
            counts[key] += 1
    assert set(counts.values()) == {3}
