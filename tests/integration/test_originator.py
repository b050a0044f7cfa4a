"""The originator on a real Kafka: killed at any moment, its book deleted, fenced by another one."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from business_clock import Setting, write_setting
from payments.rails import Rail
from rails.ach.phases import Leg
from rails.bank import BankUnavailable, Instruction, Outcome, Result
from rails.simulated.connection import SimulatedBankConnection
from tests.integration.originated_files import entries_of, folded, rebuilt
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import RailProcess, eventually, originator_process
from tests.integration.rail_world import broker_with_topics
from tests.unit.rails.ach.written_log import at_us
from tests.unit.rails.instructions import instruction

SECONDS_MAX = 60.0
PAYMENTS_A_ROUND = 25
NINE = at_us("2026-12-01 09:00")
# Shortly before a window closes.
CUT_OFFS = [at_us(f"2026-12-{day} {clock}") for day in ("01", "02") for clock in ("10:25", "14:40")]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    with broker_with_topics(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


class Bank:
    """Folders and a clock of the originators of one test, and the topic that they share."""

    def __init__(self, folder: Path, broker: OwnBroker) -> None:
        self.folder = folder
        self.broker = broker
        self.originator = self.another("originator")

    def another(self, instance: str) -> RailProcess:
        return originator_process(self.folder, bootstrap=self.broker.bootstrap, instance=instance)

    def set_clock(self, us: int) -> None:
        now_us = time.time_ns() // 1000
        setting = Setting(set_by="a test", from_us=NINE, at_us=us, since_us=now_us)
        write_setting(self.folder / "clock.json", setting)

    def submit(self, instructions: list[Instruction]) -> None:
        """Submit until there is an answer about each, as the gateway does: asking comes before sending again."""
        asyncio.run(self._submit(instructions))

    async def _submit(self, instructions: list[Instruction]) -> None:
        connection = SimulatedBankConnection(self.originator.url, answer_s_max=SECONDS_MAX)
        try:
            answers = await connection.submit(instructions)
            assert len(answers) == len(instructions)
        finally:
            await connection.close()

    def outbox(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / "drop" / "outbox").iterdir())}

    def outcomes(self) -> list[Outcome]:
        async def all_of_them() -> list[Outcome]:
            connection, cursor = SimulatedBankConnection(self.originator.url), ""
            told: list[Outcome] = []
            try:
                while True:
                    page = await connection.outcomes(cursor, 1000, 0)
                    if not page.outcomes:
                        return told
                    told.extend(page.outcomes)
                    cursor = page.cursor
            finally:
                await connection.close()

        return asyncio.run(all_of_them())


@pytest.fixture
def bank(tmp_path: Path, broker: OwnBroker) -> Iterator[Bank]:
    bank = Bank(tmp_path, broker)
    bank.set_clock(NINE)
    yield bank
    bank.originator.kill()


def test_an_originator_that_is_killed_at_any_moment_puts_each_entry_into_one_file(bank: Bank) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    random_ = random.Random(seed)
    paid: list[Instruction] = []
    bank.originator.start()
    for number, cut_off in enumerate(CUT_OFFS):
        order = [
            instruction(1000 * number + n, rail=Rail.SAME_DAY_ACH, amount_minor=100 + n)
            for n in range(1, PAYMENTS_A_ROUND + 1)
        ]
        bank.submit(order)
        paid += order
        bank.set_clock(cut_off)
        time.sleep(random_.uniform(0.0, 0.1))  # The moment of the kill.
        bank.originator.kill()
        if random_.random() < 0.5:
            shutil.rmtree(bank.folder / "originator")
        bank.originator.start()
        bank.submit(order)
    # Three days in one leap: what has become due meanwhile is done in its order, dated when it was due.
    bank.set_clock(at_us("2026-12-04 18:00"))
    eventually(lambda: len(bank.outcomes()) == len(paid), SECONDS_MAX, bank.originator.tail)
    assert {(each.reference, each.result) for each in bank.outcomes()} == {
        (each.reference, Result.SETTLED) for each in paid
    }
    files = bank.outbox()
    assert entries_of(files) == Counter((each.reference, leg) for each in paid for leg in (Leg.DEBIT, Leg.CREDIT))
    assert rebuilt(folded(bank.broker.bootstrap)) == files


def test_a_second_originator_ends_the_first(bank: Bank) -> None:
    bank.originator.start()
    second = bank.another("second")
    second.start()
    try:
        first, bank.originator = bank.originator, second
        bank.submit([instruction(500_001, rail=Rail.STANDARD_ACH)])
        eventually(lambda: "superseded" in first.log_text().lower(), SECONDS_MAX, first.tail)
        bank.originator = first
        with pytest.raises(BankUnavailable):
            bank.submit([instruction(500_002, rail=Rail.STANDARD_ACH)])
        assert second.terminate() == 0, "who is asked to end has not failed"
    finally:
        second.kill()
        first.kill()
