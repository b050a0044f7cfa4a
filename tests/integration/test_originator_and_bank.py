"""The originator and the simulated bank on one folder: payments go out as files and come back as files, from end to
end, without anybody between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from business_clock import Setting, system_us, write_setting
from payments.payment import Payment, Status
from payments.rails import Rail
from rails.ach.phases import Phase
from rails.bank import Reference
from tests.integration.decider import Decider
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import bank_process, eventually, gateway_process, originator_process
from tests.integration.rail_world import SPEED, broker_with_topics
from tests.unit.rails.ach.written_log import SENDER, at_us

SECONDS_MAX = 60.0
NINE = at_us("2026-12-01 09:00")
COMPANY = SENDER.company_identification[-4:]
AMOUNT = 150_000


class World:
    """A gateway, an originator and a bank by one clock, which stands until the test sets it; the bank works on the
    originator's folders."""

    def __init__(self, folder: Path, broker: OwnBroker) -> None:
        self._clock_file = folder / "clock.json"
        self.set_clock(NINE)
        clock = {"clock_file": str(self._clock_file)}
        self.bank = bank_process(folder, speed=SPEED, drop_dir=str(folder / "drop"), **clock)
        self.originator = originator_process(folder, bootstrap=broker.bootstrap)
        self.gateway = gateway_process(
            folder, bootstrap=broker.bootstrap, bank_url=self.bank.url, ach_url=self.originator.url, **clock
        )
        for process in (self.bank, self.originator, self.gateway):
            process.start()
        self.decider = Decider(broker.bootstrap, speed=SPEED)
        self.payments: dict[str, str] = {}

    def set_clock(self, us: int) -> None:
        write_setting(self._clock_file, Setting(set_by="a test", from_us=NINE, at_us=us, since_us=system_us()))

    def pay(self, name: str, payer: str, payee: str) -> None:
        accounts = [self.decider.account(number) for number in (payer, payee)]
        self.payments[name] = self.decider.pay(*accounts, now_us=NINE, rail=Rail.SAME_DAY_ACH)

    def files_taken(self) -> int:
        return int(self.bank.get("/files").json()["counts"]["files_taken"])

    def go_on(self, to: str, *, files_taken: int) -> None:
        """Set the clock and wait until the bank has so many of the originator's files."""
        self.set_clock(at_us(to))
        eventually(lambda: self.files_taken() == files_taken, SECONDS_MAX, self.say)

    def becomes(self, name: str, status: Status) -> Payment:
        return self.decider.wait_for(self.payments[name], status, seconds=SECONDS_MAX)

    def balances(self) -> dict[str, int]:
        report = self.bank.get("/books", limit=1000).json()
        assert report["totals"]["entries_minor"] == report["totals"]["balances_minor"] == 0
        return {each["last4"]: each["balance_minor"] for each in report["accounts"]}

    def say(self) -> str:
        return f"{self.originator.tail()}\n{self.bank.tail()}"

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


def test_payments_settle_fail_and_return_by_what_the_bank_answers(world: World) -> None:
    world.pay("plain", "987654321", "123456789")
    world.pay("payer refused", "10001", "123459001")
    world.pay("payer returned", "20002", "123459002")
    world.pay("payee refused", "987659003", "10003")
    world.pay("payer corrected", "40001", "123459004")
    world.set_clock(NINE + 60_000_000)
    # All of them are with the originator before the first cut-off: else there would be another file.
    eventually(lambda: waiting(world) == len(world.payments), SECONDS_MAX, world.say)
    world.go_on("2026-12-01 10:25", files_taken=1)
    world.set_clock(at_us("2026-12-01 13:00"))
    failed = world.becomes("payer refused", Status.FAILED)
    assert failed.failure is not None
    assert failed.failure.code == "R01"
    # What was refused is not paid on: four credits leave.
    world.go_on("2026-12-01 14:40", files_taken=2)
    world.set_clock(at_us("2026-12-01 17:00"))
    for name in ("plain", "payer returned", "payer corrected"):
        assert world.becomes(name, Status.COMPLETED).last.occurred_at_us == at_us("2026-12-01 17:00")
    returned = world.becomes("payee refused", Status.RETURNED)
    assert returned.failure is not None
    assert returned.failure.code == "R03"
    # The payer whose payee's bank refused gets the money back.
    world.go_on("2026-12-02 10:25", files_taken=3)
    world.set_clock(at_us("2026-12-03 09:00"))
    returned = world.becomes("payer returned", Status.RETURNED)
    assert returned.failure is not None
    assert returned.failure.code == "R02"
    eventually(lambda: notices(world) == ["C01"], SECONDS_MAX, world.say)
    balances = world.balances()
    assert balances["4321"] == -AMOUNT
    assert balances["6789"] == AMOUNT
    # The payee of the returned payment has the money that the payer took back: it is the company's loss.
    assert (balances["0002"], balances["9002"]) == (0, AMOUNT)
    # The payer of the refused credit was debited and given back.
    assert (balances["9003"], balances["0003"]) == (0, 0)
    assert balances[COMPANY] == -AMOUNT
    report = world.originator.get("/books").json()
    assert report["problems"] == {}
    assert {Reference.parse(each["reference"]).payment_id for each in report["incoming"]} == {
        world.payments[name] for name in ("payer refused", "payer returned", "payee refused", "payer corrected")
    }


def waiting(world: World) -> int:
    phases = {each["phase"]: each["payments"] for each in world.originator.get("/books").json()["phases"]}
    return int(phases.get(Phase.DEBIT_WAITS, 0))


def notices(world: World) -> list[str]:
    return [each["code"] for each in world.originator.get("/books").json()["incoming"] if each["kind"] == "notice"]
