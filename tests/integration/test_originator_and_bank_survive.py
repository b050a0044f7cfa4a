"""Originator and simulated bank on one folder, killed at random moments: every entry once, both agree to the cent."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

from business_clock import Setting, write_setting
from payments.rails import Rail
from rails.ach.book import FOR_A_PERSON
from rails.ach.phases import Phase
from rails.bank import Instruction
from rails.simulated.connection import SimulatedBankConnection
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import RailProcess, bank_process, eventually, originator_process
from tests.integration.rail_world import broker_with_topics
from tests.unit.rails.ach.written_log import SENDER, at_us
from tests.unit.rails.instructions import instruction

SECONDS_MAX = 90.0
PAYMENTS = 120
NINE = at_us("2026-12-01 09:00")
# Cut-offs, window ends and the mornings on which returns come.
MOMENTS = [
    f"2026-12-{day} {clock}" for day in ("01", "02", "03") for clock in ("08:30", "10:25", "13:00", "14:40", "17:00")
][1:]
PAYERS = ("987654321", "10001", "20002", "20009", "400010004", "40001", "987654322")
PAYEES = ("123456789", "10003", "123456780", "20016")
# What is left with the company of a payment that stands there, in the payment's amount.
COMPANY_HAS = {
    Phase.COMPLETED: 0,
    Phase.FAILED: 0,
    Phase.GIVEN_BACK: 0,
    Phase.EVEN: 0,
    Phase.RETURNED: -1,  # Passed on, and taken back by the payer.
    Phase.GIVEN_TWICE: -1,
    Phase.HELD: 1,
}
WAITING = {Phase.DEBIT_WAITS, Phase.CREDIT_WAITS, Phase.GIVE_BACK_WAITS}


class Survivors:
    """Both processes, which are killed while they work, and the clock that they follow."""

    def __init__(self, folder: Path, broker: OwnBroker) -> None:
        self.folder = folder
        self.chance = random.Random(5)
        self.now_us = NINE
        self.set_clock(NINE)
        clock, drop = str(folder / "clock.json"), str(folder / "drop")
        self.bank = bank_process(folder, speed=1, clock_file=clock, drop_dir=drop)
        self.originator = originator_process(folder, bootstrap=broker.bootstrap)
        for process in (self.originator, self.bank):
            process.start()

    def set_clock(self, us: int) -> None:
        self.now_us = us
        setting = Setting(set_by="a test", from_us=NINE, at_us=us, since_us=time.time_ns() // 1000)
        write_setting(self.folder / "clock.json", setting)

    def submit(self, instructions: list[Instruction]) -> None:
        async def go() -> None:
            connection = SimulatedBankConnection(self.originator.url, answer_s_max=SECONDS_MAX)
            try:
                assert len(await connection.submit(instructions)) == len(instructions)
            finally:
                await connection.close()

        asyncio.run(go())

    def pass_moment(self, us: int) -> None:
        """Set the clock, kill somebody somewhere in what this begins, and wait until all of it is done."""
        self.set_clock(us)
        time.sleep(self.chance.random() * 1.5)
        for process in self.chance.sample((self.bank, self.originator), self.chance.randint(1, 2)):
            process.kill()
            process.start()
        eventually(self.is_quiet, SECONDS_MAX, self.say)

    def is_quiet(self) -> bool:
        """Tell whether files, answers and settlements of this moment have reached the other side."""
        report, counts = self.books(self.originator), self.bank.get("/files").json()["counts"]
        if any(each["settled_at_us"] is None and each["settles_at_us"] <= self.now_us for each in report["files"]):
            return False
        if self.is_cut_off() and WAITING & {Phase(each["phase"]) for each in report["phases"]}:
            return False
        read = len(list((self.folder / "drop" / "done").iterdir()))
        is_exchanged = counts["files_taken"] == len(report["files"]) and counts["files_written"] == read
        return bool(is_exchanged and self.due_at_bank() == counts["answers_waiting"] == 0)

    def is_cut_off(self) -> bool:
        return (self.now_us - NINE) % 86_400_000_000 in (85 * 60_000_000, 340 * 60_000_000)

    def due_at_bank(self) -> int:
        with contextlib.closing(sqlite3.connect(self.folder / "bank" / "books.sqlite")) as books:
            due = books.execute("SELECT count(*) FROM ach_entries WHERE next_at_us <= ?", (self.now_us,))
            return int(due.fetchone()[0])

    def books(self, process: RailProcess) -> dict[str, Any]:
        report: dict[str, Any] = process.get("/books", limit=1000).json()
        return report

    def traces_at_bank(self) -> Counter[str]:
        with contextlib.closing(sqlite3.connect(self.folder / "bank" / "books.sqlite")) as books:
            return Counter(row[0] for row in books.execute("SELECT trace_number FROM ach_entries"))

    def say(self) -> str:
        return f"{self.books(self.originator)['phases']}\n{self.originator.tail()}\n{self.bank.tail()}"

    def stop(self) -> None:
        for process in (self.originator, self.bank):
            process.kill()


def test_killed_at_random_moments_they_agree_on_every_entry_and_to_the_cent(tmp_path: Path) -> None:
    with broker_with_topics(tmp_path) as broker:
        both = Survivors(tmp_path, broker)
        try:
            orders = [
                instruction(
                    n,
                    debit=PAYERS[n % len(PAYERS)],
                    credit=PAYEES[n % len(PAYEES)],
                    rail=Rail.SAME_DAY_ACH,
                    amount_minor=100_000 + n,
                    claimed_at_us=NINE,
                )
                for n in range(1, PAYMENTS + 1)
            ]
            both.submit(orders)
            for moment in MOMENTS:
                both.pass_moment(at_us(moment))
            compare(both)
        finally:
            both.stop()


def compare(both: Survivors) -> None:
    originated, at_bank = both.books(both.originator), both.books(both.bank)
    phases = {Phase(each["phase"]): each for each in originated["phases"]}
    assert sum(each["payments"] for each in phases.values()) == PAYMENTS
    assert set(phases) <= set(COMPANY_HAS)
    assert {Phase.COMPLETED, Phase.FAILED, Phase.RETURNED, Phase.GIVEN_BACK} <= set(phases)
    assert set(originated["problems"]) <= {FOR_A_PERSON}
    entries = sum(file["debits"] + file["credits"] + file["give_backs"] for file in originated["files"])
    traces = both.traces_at_bank()
    assert traces.total() == entries
    assert set(traces.values()) == {1}
    totals = at_bank["totals"]
    assert totals["entries_minor"] == totals["balances_minor"] == 0
    has_minor = sum(COMPANY_HAS[phase] * each["amount_minor"] for phase, each in phases.items())
    [company] = [each for each in at_bank["accounts"] if each["holder"] == SENDER.company_name]
    assert company["balance_minor"] == has_minor
