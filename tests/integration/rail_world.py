"""A Kafka broker, a bank, a gateway and a decider: enough of the system for a payment to go all the way."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka_log.topics_admin import apply_topics
from rails.bank import Reference
from tests.integration.decider import Decider
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import PARTITIONS, RailProcess, bank_process, gateway_process

SPEED = 20.0


class RailWorld:
    """Everything running; `bank` and `gateway` may be killed and started."""

    def __init__(self, folder: Path, broker: OwnBroker, *, speed: float = SPEED) -> None:
        self.folder = folder
        self.speed = speed
        self.broker = broker
        self.bank = bank_process(folder, speed=speed)
        self.gateway = self.another_gateway("rails-0")
        self.decider = Decider(broker.bootstrap, speed=speed)

    def another_gateway(self, instance: str) -> RailProcess:
        return gateway_process(self.folder, bootstrap=self.broker.bootstrap, bank_url=self.bank.url, instance=instance)

    def transfers(self) -> dict[str, dict[str, Any]]:
        """Return the bank's transfers by payment; asserts that none has two, and that the books balance."""
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self.bank.get("/books", after=after, limit=1000).json()
            found.extend(page["transfers"])
            after = page["next"]
            if after is None:
                break
        totals = page["totals"]
        assert totals["entries_minor"] == totals["balances_minor"] == 0
        assert totals["debits_minor"] == totals["credits_minor"]
        assert all(each["entries_minor"] == 0 for each in found)
        payment_ids = [Reference.parse(each["reference"]).payment_id for each in found]
        assert all(count == 1 for count in Counter(payment_ids).values()), "a payment was transferred twice"
        return dict(zip(payment_ids, found, strict=True))

    @property
    def now_us(self) -> int:
        return time.time_ns() // 1000

    def stop(self) -> None:
        self.decider.close()
        self.gateway.kill()
        self.bank.kill()


@contextmanager
def broker_with_topics(folder: Path) -> Iterator[OwnBroker]:
    """A broker of the test's own: its topics are nobody else's."""
    broker = OwnBroker(folder)
    try:
        broker.start()
        apply_topics(broker.bootstrap, PARTITIONS)
        yield broker
    finally:
        broker.kill()
