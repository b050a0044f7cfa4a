"""The payments that peers are sent, in the seed's words; a number is a payment, and the same number is the same key."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from bench.system import Post

PATH = "/api/v1/payments/"
KEY_PREFIX = "rent-"
# Answered and finished as any other, and not counted: with it a peer shows that it is ready.
PROBE_KEY = "probe-0"

AMOUNT_MINOR_MIN, AMOUNTS = 150_000, 1000
# Rents of as many leases, so that no row of a lease or an account is what all payments wait for.
LEASES = 1000
LEASES_FROM, PAYERS_FROM, PAYEES_FROM = 1_000_000, 2_000_000, 3_000_000


def single(number: int) -> Post:
    return _post(PATH, _order(number, f"{KEY_PREFIX}{number}"))


def batch(numbers: Sequence[int]) -> Post:
    return _post(f"{PATH}batch", [_order(number, f"{KEY_PREFIX}{number}") for number in numbers])


def probe() -> Post:
    return _post(PATH, _order(0, PROBE_KEY))


def accepted(status: int, body: bytes) -> int:
    """Return how many payments an answer accepts: a batch is answered with a list."""
    if status not in (200, 202):
        return 0
    answer = json.loads(body)
    return len(answer) if isinstance(answer, list) else 1


def _order(number: int, key: str) -> dict[str, str]:
    lease = number % LEASES
    minor = AMOUNT_MINOR_MIN + number % AMOUNTS
    return {
        "idempotency_key": key,
        "lease_id": str(uuid.UUID(int=LEASES_FROM + lease)),
        "payer_account_id": str(uuid.UUID(int=PAYERS_FROM + lease)),
        "payee_account_id": str(uuid.UUID(int=PAYEES_FROM + lease)),
        "amount": f"{minor // 100}.{minor % 100:02}",
        "payment_rail_type": "instant",
    }


def _post(path: str, content: object) -> Post:
    return Post(path=path, body=json.dumps(content).encode(), headers={"Content-Type": "application/json"})
