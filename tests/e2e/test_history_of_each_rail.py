"""The audit trail: each rail's payment goes initiated, processing, completed, within the rail's range of time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.local_stack.stack import LocalStack
from payments.rails import TIMINGS, Rail
from tests.e2e.conftest import RAIL_SPEED
from tests.e2e.tenancy import Tenancy


def test_history_on_each_rail_is_complete_ordered_and_in_range(stack: Any) -> None:
    _check_every_rail(Tenancy.open(stack.stack), speed=RAIL_SPEED)


@pytest.mark.long
def test_history_on_each_rail_at_real_speed(tmp_path: Path) -> None:
    for slow in _running(LocalStack(tmp_path / "stack", rail_speed=1)):
        _check_every_rail(Tenancy.open(slow.stack), speed=1)


def _running(stack: LocalStack) -> Iterator[LocalStack]:
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def _check_every_rail(tenancy: Tenancy, *, speed: float) -> None:
    before = time.time()
    made = {
        rail: [tenancy.pay(payment_rail_type=rail.value, metadata={"n": str(n)}).json() for n in range(5)]
        for rail in Rail
    }
    for rail, payments in made.items():
        timing = TIMINGS[rail]
        for n, payment in enumerate(payments):
            tenancy.wait_for(payment["id"], "completed", within_s=timing.settle_s_max / speed + 30)
            events = tenancy.history(payment["id"])
            assert [event["sequence"] for event in events] == [1, 2, 3]
            assert [(event["event_type"], event["previous_status"], event["new_status"]) for event in events] == [
                ("payment_initiated", None, "pending"),
                ("payment_processing", "pending", "processing"),
                ("payment_completed", "processing", "completed"),
            ]
            times = [datetime.fromisoformat(event["timestamp"]).timestamp() for event in events]
            assert before - 1 <= times[0] < times[1] < times[2]
            least_s, most_s = timing.settle_s_min / speed, timing.settle_s_max / speed
            assert least_s <= times[2] - times[0], rail
            # The bank values a transfer by its claim's time; how late a busy machine claims is bounded by nothing here.
            assert times[2] - times[1] <= most_s, rail
            for event in events:
                assert event["metadata"]["payer_account"] == tenancy.payer
                assert event["metadata"]["payee_account"] == tenancy.payee
                assert event["metadata"]["amount"] == "1500.00"
                assert event["metadata"]["rail"] == rail.value
                assert len(event["hash"]) == 64
            assert tenancy.payment(payment["id"])["metadata"] == {"n": str(n)}
    _check_the_books(tenancy, rents=sum(len(payments) for payments in made.values()))


def _check_the_books(tenancy: Tenancy, *, rents: int) -> None:
    """So many rents, of 1500.00 from 2025-03-01 on, have paid the oldest due dates and gone from payer to payee."""
    ledger = tenancy.pages(f"leases/{tenancy.lease}/ledger", limit=7)
    assert [item["due_date"] for item in ledger[-2:]] == ["2025-04-01", "2025-03-01"]
    assert {item["due"] for item in ledger} == {"1500.00"}
    paid = min(rents, len(ledger))  # What is more pays due dates that the ledger does not show yet.
    assert [item["paid"] for item in reversed(ledger)] == ["1500.00"] * paid + ["0.00"] * (len(ledger) - paid)
    assert not any(item["late"] for item in ledger[-paid:])
    balances = {item["account"]: item["balance"] for item in tenancy.pages("balances/", limit=2)}
    assert balances == {
        f"bank_account:{tenancy.payer}": f"-{1500 * rents}.00",
        f"bank_account:{tenancy.payee}": f"{1500 * rents}.00",
        **{f"clearing:{rail.value}": "0.00" for rail in Rail},
    }
    assert sum(map(Decimal, balances.values())) == 0
