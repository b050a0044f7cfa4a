"""A payment refused for a fault of ours and sent again later: whoever asks is told the truth, before and after."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
import uuid
from typing import Any

from confluent_kafka import Producer

from payments.commands import InitiatePayment
from payments.rejection import Rejection
from schemas import codec
from schemas.partitioning import partition_of
from schemas.topics import PAYMENT_COMMANDS, PAYMENT_REJECTIONS
from tests.e2e.tenancy import POLL_S, SETTLE_WAIT_S_MAX, Tenancy

PARTITIONS = 8


def test_a_payment_that_was_refused_and_redriven_is_told_as_what_it_became(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack)
    order = InitiatePayment(
        command_id=str(uuid.uuid4()),
        tenant_id=tenancy.tenant_id,
        idempotency_key="refused-once",
        lease_id=tenancy.lease,
        payer_account_id=tenancy.payer,
        payee_account_id=tenancy.payee,
        amount_minor=150_000,
        payment_rail_type="instant",
        requested_at_us=time.time_ns() // 1000,
    )
    # What a stream app with a fault has left: a refusal of a command that nothing is wrong with.
    raw = codec.encode(order)
    rejection = Rejection(
        topic=PAYMENT_COMMANDS.name,
        partition=partition_of(order.key, PARTITIONS),
        offset=987_654_321,
        key=order.key,
        reason="decision-failed",
        detail="KeyError",
        tenant_id=order.tenant_id,
        payment_id=order.payment_id,
        command_id=order.command_id,
        rejected_at_us=order.requested_at_us,
        raw=raw,
        raw_bytes=len(raw),
        raw_sha256=hashlib.sha256(raw).digest(),
    )
    producer = Producer({"bootstrap.servers": stack.stack["kafka"]})
    producer.produce(PAYMENT_REJECTIONS.name, codec.encode(rejection), order.key)
    assert producer.flush(20) == 0
    wait_until_told(tenancy, order.payment_id, 422)
    history = f"/api/v1/payments/{order.payment_id}/history"
    assert tenancy.http.get(history).json()["type"].endswith("#decision-failed")

    said = redrive(stack, "--tenant", tenancy.tenant_id)

    assert said.startswith("1 sent again, 0 were sent before")
    tenancy.wait_for(order.payment_id, "completed")
    assert [event["event_type"] for event in tenancy.history(order.payment_id)] == [
        "payment_initiated",
        "payment_processing",
        "payment_completed",
    ]
    replay = tenancy.pay("refused-once")
    assert (replay.status_code, replay.headers["Idempotency-Replayed"]) == (200, "true")
    assert redrive(stack, "--tenant", tenancy.tenant_id).startswith("0 sent again, 1 were sent before")


def redrive(stack: Any, *options: str) -> str:
    argv = [sys.executable, "-m", "cli.main", "redrive", "--state-dir", str(stack.state.path), *options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


def wait_until_told(tenancy: Tenancy, payment_id: str, status: int) -> None:
    deadline = time.monotonic() + SETTLE_WAIT_S_MAX
    while (answer := tenancy.http.get(f"/api/v1/payments/{payment_id}")).status_code != status:
        assert time.monotonic() < deadline, answer.text
        time.sleep(POLL_S)
