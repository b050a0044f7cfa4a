"""A load for your own deployment, with Locust (https://locust.io), which is no dependency of this project.

    python -m venv locust && locust/bin/pip install locust
    DIRECTPAY_LOAD_API_KEY=... DIRECTPAY_LOAD_PAYERS=id,id DIRECTPAY_LOAD_PAYEES=id \
        locust/bin/locust -f bench/locustfile.py --host https://pay.example --headless -u 50 -r 10 -t 60s

The payments are real ones: use a tenant, and accounts, that are for it. DIRECTPAY_LOAD_RAIL (`instant`) and
DIRECTPAY_LOAD_BATCH (100 payments a batch) may be set too. Locust is a closed loop: a user who waits for an answer
sends nothing else meanwhile, so that latencies under overload look better than callers see them.
"""

from __future__ import annotations

import os
import random
import uuid
from collections import deque
from typing import Any

from locust import HttpUser, between, task

PAYMENTS = "/api/v1/payments/"
ACCEPTED = (200, 201, 202)
# A cancel comes too late for most payments of a fast rail: that is an answer, not a failure.
CANCEL_ANSWERED = (200, 202, 409)
REMEMBERED_MAX = 1000

API_KEY = os.environ["DIRECTPAY_LOAD_API_KEY"]
PAYERS = os.environ["DIRECTPAY_LOAD_PAYERS"].split(",")
PAYEES = os.environ["DIRECTPAY_LOAD_PAYEES"].split(",")
RAIL = os.environ.get("DIRECTPAY_LOAD_RAIL", "instant")
BATCH = int(os.environ.get("DIRECTPAY_LOAD_BATCH", "100"))


def payment() -> dict[str, str]:
    """Return a payment that nobody has asked for before."""
    return {
        "idempotency_key": f"load-{uuid.uuid4()}",
        "payer_account_id": random.choice(PAYERS),
        "payee_account_id": random.choice(PAYEES),
        "amount": f"{random.randint(100, 500_000) / 100:.2f}",
        "payment_rail_type": RAIL,
    }


class Caller(HttpUser):
    """One client: mostly single payments, sometimes a batch; it looks at what it paid, and cancels a little of it."""

    wait_time = between(0.05, 0.5)

    def on_start(self) -> None:
        self.client.headers["Authorization"] = f"Bearer {API_KEY}"
        self.paid: deque[str] = deque(maxlen=REMEMBERED_MAX)

    @task(20)
    def pay(self) -> None:
        with self.client.post(PAYMENTS, json=payment(), name="POST payment", catch_response=True) as answer:
            if self.is_expected(answer, ACCEPTED):
                self.paid.append(answer.json()["id"])

    @task(2)
    def pay_batch(self) -> None:
        body = [payment() for _ in range(BATCH)]
        with self.client.post(f"{PAYMENTS}batch", json=body, name="POST batch", catch_response=True) as answer:
            if not self.is_expected(answer, (200,)):
                return
            results = answer.json()["results"]
            refused = [each["status"] for each in results if each["status"] not in ACCEPTED]
            self.paid.extend(each["payment"]["id"] for each in results if each["status"] in ACCEPTED)
            if refused:
                answer.failure(f"{len(refused)} of {len(results)} items were answered {sorted(set(refused))}")

    @task(20)
    def look(self) -> None:
        if self.paid:
            path = PAYMENTS + random.choice(self.paid)
            with self.client.get(path, name="GET payment", catch_response=True) as answer:
                self.is_expected(answer, (200, 202))

    @task(3)
    def cancel(self) -> None:
        if self.paid:
            path, headers = f"{PAYMENTS}{self.paid[-1]}/cancel", {"Idempotency-Key": str(uuid.uuid4())}
            with self.client.post(path, headers=headers, name="POST cancel", catch_response=True) as answer:
                self.is_expected(answer, CANCEL_ANSWERED)

    @staticmethod
    def is_expected(answer: Any, statuses: tuple[int, ...]) -> bool:
        """Tell Locust whether the answer is one of these."""
        if answer.status_code in statuses:
            answer.success()
            return True
        answer.failure(f"answered {answer.status_code}: {answer.text[:200]}")
        return False
