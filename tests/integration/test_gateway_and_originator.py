"""The gateway with two banks on a real Kafka: wires go to the one, ACH to the originator and its files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.payment import Status
from payments.rails import Rail
from tests.integration.ach_world import NINE, SECONDS_MAX, AchWorld
from tests.integration.rail_processes import eventually
from tests.integration.rail_world import broker_with_topics
from tests.unit.rails.ach.written_log import answered, at_us

MINUTE_US = 60_000_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AchWorld]:
    with broker_with_topics(tmp_path) as broker:
        running = AchWorld(tmp_path, broker)
        try:
            yield running
        finally:
            running.stop()


def test_ach_goes_by_files_and_the_rest_to_the_bank_and_a_return_is_heard(world: AchWorld) -> None:
    payer, payee = world.decider.account("987654321"), world.decider.account("123456789")
    wire = world.decider.pay(payer, payee, now_us=NINE, rail=Rail.WIRE)
    ach = world.decider.pay(payer, payee, now_us=NINE, rail=Rail.SAME_DAY_ACH)
    world.set_clock(NINE + MINUTE_US)
    for payment_id in (wire, ach):
        world.decider.wait_for(payment_id, Status.PROCESSING, Status.COMPLETED, seconds=SECONDS_MAX)
    world.wait_for(wire, Status.COMPLETED)
    world.set_clock(at_us("2026-12-01 10:25"))
    eventually(lambda: len(world.files()) == 1, SECONDS_MAX, world.originator.tail)
    # The gateway may end at any time, and asks both banks about what is under way.
    world.gateway.kill()
    world.gateway.start()
    world.set_clock(at_us("2026-12-01 17:00"))
    completed = world.wait_for(ach, Status.COMPLETED)
    assert completed.last.occurred_at_us == at_us("2026-12-01 17:00")
    assert len(world.files()) == 2
    returns = world.folder / "drop" / "inbox" / "returns.ach"
    returns.write_bytes(answered(world.files()[0].read_bytes(), 0, code="R10"))
    os.utime(returns, (0, 0))
    payment = world.wait_for(ach, Status.RETURNED)
    assert payment.failure is not None
    assert payment.failure.code == "R10"
    transfers = world.bank.get("/books").json()["transfers"]
    assert [each["reference"] for each in transfers] == [f"{wire}:1"]
