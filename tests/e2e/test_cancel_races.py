"""A cancel that races the gateway is refused or effective: never both paid and cancelled."""

from __future__ import annotations

import collections
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from payments.rails import TIMINGS, Rail
from tests.conftest import RAIL_SPEED
from tests.e2e.tenancy import Tenancy

RACES = 500
THREADS = 32


def test_500_cancels_racing_the_gateway_are_never_both_paid_and_cancelled(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack)
    claim_after_s = TIMINGS[Rail.STANDARD_ACH].claim_delay_s / RAIL_SPEED
    chance = random.Random(7)
    # Around the moment of the claim: both outcomes must be met, or the race was not one.
    delays = [chance.uniform(0.2, 1.6) * claim_after_s for _ in range(RACES)]

    def race(delay_s: float) -> tuple[str, int]:
        payment_id = tenancy.pay(payment_rail_type="standard_ach", lease_id=None).json()["id"]
        time.sleep(delay_s)  # Not a wait for a condition: the moment of the cancel is what is varied.
        answer = tenancy.cancel(payment_id)
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 200:
            assert answer.json()["status"] == "cancelled"
        return payment_id, answer.status_code

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = dict(pool.map(race, delays))
    assert len(outcomes) == RACES
    counts = collections.Counter(outcomes.values())
    assert counts[200] >= 20, f"no race: {counts}"
    assert counts[409] >= 20, f"no race: {counts}"
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


def _paid_at_the_bank(bank: str) -> collections.Counter[str]:
    """Return how many transfers the bank's books hold for each payment."""
    paid: collections.Counter[str] = collections.Counter()
    after = None
    while True:
        page = httpx.get(
            f"{bank}/books", params={"after": after, "limit": 1000} if after else {"limit": 1000}, timeout=20
        ).json()
        for transfer in page["transfers"]:
            paid[transfer["reference"].split(":")[0]] += 1
        after = page.get("next")
        if not after:
            return paid
