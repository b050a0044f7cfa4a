"""A bank, an originator and a gateway on a real Kafka, all by one clock: enough for ACH payments to go all the way."""

from __future__ import annotations

import time
from pathlib import Path

from business_clock import Setting, write_setting
from payments.payment import Payment, Status
from tests.integration.decider import Decider
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import bank_process, gateway_process, originator_process
from tests.integration.rail_world import SPEED
from tests.unit.rails.ach.written_log import at_us

SECONDS_MAX = 60.0
NINE = at_us("2026-12-01 09:00")


class AchWorld:
    """Its clock stands until the test sets it. With `bank_takes_files` the bank works on the originator's folders."""

    def __init__(self, folder: Path, broker: OwnBroker, *, bank_takes_files: bool = False) -> None:
        self.folder = folder
        clock = {"clock_file": str(folder / "clock.json")}
        self.set_clock(NINE)
        drop = {"drop_dir": str(folder / "drop")} if bank_takes_files else {}
        self.bank = bank_process(folder, speed=SPEED, **clock, **drop)
        self.originator = originator_process(folder, bootstrap=broker.bootstrap)
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

    def wait_for(self, payment_id: str, status: Status) -> Payment:
        return self.decider.wait_for(payment_id, status, seconds=SECONDS_MAX)

    def stop(self) -> None:
        self.decider.close()
        for process in (self.gateway, self.originator, self.bank):
            process.kill()
