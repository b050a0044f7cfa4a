"""The gateway with two banks on a real Kafka: wires go to the one, ACH to the originator and its files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from business_clock import Setting, write_setting
from payments.payment import Payment, Status
from payments.rails import Rail
from rails.bank import Reference
from tests.integration.decider import Decider
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import bank_process, eventually, gateway_process, originator_process
from tests.integration.rail_world import SPEED, broker_with_topics
from tests.unit.rails.ach.written_log import answered, at_us, read

SECONDS_MAX = 60.0
NINE = at_us("2026-12-01 09:00")
MINUTE_US = 60_000_000


class World:
    """A bank, an originator and a gateway by one clock, which stands until the test sets it."""

    def __init__(self, folder: Path, broker: OwnBroker) -> None:
        self.folder = folder
        clock = {"clock_file": str(folder / "clock.json")}
        self.set_clock(NINE)
        self.bank = bank_process(folder, speed=SPEED, **clock)
        self.originator = originator_process(folder, bootstrap=broker.bootstrap, retries=2)
        self.gateway = gateway_process(
            folder, bootstrap=broker.bootstrap, bank_url=self.bank.url, ach_url=self.originator.url, **clock
        )
        for process in (self.bank, self.originator, self.gateway):
            process.start()
        self.decider = Decider(broker.bootstrap, speed=SPEED)

    def set_clock(self, us: int) -> None:
        setting = Setting(set_by="a test", from_us=NINE, at_us=us, since_us=time.time_ns() // 1000)
        write_setting(self.folder / "clock.json", setting)

    def files(self) -> list[Path]:
        return sorted((self.folder / "drop" / "outbox").iterdir())

    def bank_sends_back(self, file: Path, code: str) -> None:
        """Let the first entry of a file come back."""
        returns = self.folder / "drop" / "inbox" / f"{code}.ach"
        returns.write_bytes(answered(file.read_bytes(), 0, code=code))
        os.utime(returns, (0, 0))

    def wait_for(self, payment_id: str, status: Status) -> Payment:
        return self.decider.wait_for(payment_id, status, seconds=SECONDS_MAX)

    def stop(self) -> None:
        self.decider.close()
        for process in (self.gateway, self.originator, self.bank):
            process.kill()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with broker_with_topics(tmp_path) as broker:
        running = World(tmp_path, broker)
        try:
            yield running
        finally:
            running.stop()


def test_ach_goes_by_files_and_the_rest_to_the_bank_and_a_return_is_heard(world: World) -> None:
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
    world.bank_sends_back(world.files()[0], "R10")
    payment = world.wait_for(ach, Status.RETURNED)
    assert payment.failure is not None
    assert payment.failure.code == "R10"
    transfers = world.bank.get("/books").json()["transfers"]
    assert [Reference.parse(each["reference"]).payment_id for each in transfers] == [wire]


def test_a_payment_whose_debit_is_presented_again_is_told_nothing_until_it_completes(world: World) -> None:
    payer, payee = world.decider.account("987654321"), world.decider.account("123456789")
    paid = world.decider.pay(payer, payee, now_us=NINE, rail=Rail.SAME_DAY_ACH)
    world.set_clock(NINE + MINUTE_US)
    world.wait_for(paid, Status.PROCESSING)
    world.set_clock(at_us("2026-12-01 10:25"))
    eventually(lambda: len(world.files()) == 1, SECONDS_MAX, world.originator.tail)
    world.bank_sends_back(world.files()[0], "R01")
    eventually((world.folder / "drop" / "done" / "R01.ach").exists, SECONDS_MAX, world.originator.tail)
    for process in (world.originator, world.gateway):
        process.kill()
        process.start()
    world.set_clock(at_us("2026-12-02 10:25"))
    eventually(lambda: len(world.files()) == 2, SECONDS_MAX, world.originator.tail)
    [batch] = read(world.files()[1].read_bytes()).batches
    assert batch.header.company_entry_description == "RETRY PYMT"
    world.set_clock(at_us("2026-12-02 17:00"))
    completed = world.wait_for(paid, Status.COMPLETED)
    assert [each.new_status for each in completed.transitions] == [
        Status.PENDING,
        Status.PROCESSING,
        Status.COMPLETED,
    ]
    assert completed.last.occurred_at_us == at_us("2026-12-02 17:00")
