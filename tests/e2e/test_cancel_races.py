"""A cancel that races the gateway is refused or effective: never both paid and cancelled."""

from __future__ import annotations

import collections
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from payments.commands import InitiatePayment
from payments.rails import TIMINGS, Rail
from rails.bank import Reference
from schemas.codec import encode
from schemas.topics import PAYMENT_COMMANDS
from tests.e2e.conftest import RAIL_SPEED
from tests.e2e.tenancy import Tenancy

RACES = 500
CANCELLERS = 40
HEAD_START_S = 1.0  # For a command to be decided before its claim is due; longer on a machine where that is not enough.
HEAD_START_S_MAX = 10.0


class Aim:
    """How long before the claim is due a cancel is sent: later after a win, earlier after a defeat, so that it stays a
    race on a slow machine as on a fast one."""

    def __init__(self) -> None:
        self.head_start_s = HEAD_START_S
        self._lead_s = 0.05
        self._lock = threading.Lock()

    @property
    def lead_s(self) -> float:
        return self._lead_s

    def learn(self, *, was_cancelled: bool) -> None:
        with self._lock:
            self._lead_s += -0.01 if was_cancelled else 0.01

    def came_late(self) -> None:
        """The payment was there to be cancelled only when that was to be tried already: that was no race."""
        with self._lock:
            self.head_start_s = min(HEAD_START_S_MAX, self.head_start_s + 0.1)


def test_500_cancels_racing_the_gateway_are_never_both_paid_and_cancelled(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack)
    producer = Producer({"bootstrap.servers": stack.stack["kafka"], "partitioner": "murmur2_random", "acks": "all"})
    aim = Aim()

    def race(number: int) -> tuple[str, int]:
        # Made when somebody is there to cancel it: on a slow machine the races start later, and are still races.
        payment_id, due = _payment_soon_due(producer, tenancy, number, aim.head_start_s)
        tenancy.wait_for(payment_id, "pending", "processing", "completed")
        left_s = due - aim.lead_s - time.time()
        if left_s < 0:
            aim.came_late()
        # Not a wait for a condition: the moment of the cancel is what is tried.
        time.sleep(max(0.0, left_s))
        answer = tenancy.cancel(payment_id)
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 200:
            assert answer.json()["status"] == "cancelled"
        aim.learn(was_cancelled=answer.status_code == 200)
        return payment_id, answer.status_code

    with ThreadPoolExecutor(CANCELLERS) as pool:
        outcomes = dict(pool.map(race, range(RACES)))
    assert len(outcomes) == RACES
    counts = collections.Counter(outcomes.values())
    assert min(counts[200], counts[409]) >= RACES // 10, f"no race: {counts}"
    for payment_id, code in outcomes.items():
        tenancy.wait_for(payment_id, "cancelled" if code == 200 else "completed")
    statuses = {payment_id: [e["new_status"] for e in tenancy.history(payment_id)] for payment_id in outcomes}
    for payment_id, code in outcomes.items():
        expected = ["pending", "cancelled"] if code == 200 else ["pending", "processing", "completed"]
        assert statuses[payment_id] == expected
    paid = _paid_at_the_bank(stack.stack["bank"])
    for payment_id, code in outcomes.items():
        assert paid[payment_id] == (0 if code == 200 else 1), f"{payment_id}: cancel answered {code}"


@pytest.fixture(scope="module")
def tenancy(stack: Any) -> Tenancy:
    return Tenancy.open(stack.stack)


def test_a_cancel_answers_the_same_when_it_is_repeated(tenancy: Tenancy) -> None:
    payment_id = tenancy.pay(payment_rail_type="standard_ach", effective_date="2199-01-01").json()["id"]
    first = tenancy.cancel(payment_id, "stop-it")
    again = tenancy.cancel(payment_id, "stop-it")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert tenancy.cancel(payment_id, "another").status_code == 409
    assert [event["new_status"] for event in tenancy.history(payment_id)] == ["pending", "cancelled"]


def test_a_completed_payment_cannot_be_cancelled(tenancy: Tenancy) -> None:
    payment_id = tenancy.pay().json()["id"]
    tenancy.wait_for(payment_id, "completed")
    answer = tenancy.cancel(payment_id)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "completed" in answer.json()["detail"]


def _payment_soon_due(
    producer: Producer, tenancy: Tenancy, number: int, head_start_s: float = HEAD_START_S
) -> tuple[str, float]:
    """Ask for a payment over Kafka; return its id and the moment at which its claim falls due."""
    requested_at = time.time() + head_start_s
    command = InitiatePayment(
        command_id=str(uuid.uuid4()),
        tenant_id=tenancy.tenant_id,
        idempotency_key=f"race-{number}",
        payer_account_id=tenancy.payer,
        payee_account_id=tenancy.payee,
        amount_minor=100,
        payment_rail_type=Rail.STANDARD_ACH,
        requested_at_us=int(requested_at * 1_000_000),
    )
    producer.produce(PAYMENT_COMMANDS.name, key=command.key, value=encode(command))
    producer.poll(0)
    return command.payment_id, requested_at + TIMINGS[Rail.STANDARD_ACH].claim_delay_s / RAIL_SPEED


def _paid_at_the_bank(bank: str) -> collections.Counter[str]:
    """Return how many transfers the bank's books hold for each payment."""
    paid: collections.Counter[str] = collections.Counter()
    after = None
    while True:
        page = httpx.get(
            f"{bank}/books", params={"after": after, "limit": 1000} if after else {"limit": 1000}, timeout=20
        ).json()
        for transfer in page["transfers"]:
            paid[Reference.parse(transfer["reference"]).payment_id] += 1
        after = page.get("next")
        if not after:
            return paid
