"""Gateway, originator and simulated bank on a real Kafka: a refund, and late returns that are dishonored, by files."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.commands import RefundPayment
from payments.payment import Payment, Status
from payments.rails import Rail
from payments.refunds import refund_command
from rails.ach.phases import Phase
from rails.nacha.reader import read_file
from tests.integration.ach_exchange import NINE, SECONDS_MAX, AchExchange, set_clock
from tests.integration.decider import Decider
from tests.integration.originated_files import folded, rebuilt
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import bank_process, eventually, gateway_process, originator_process
from tests.integration.rail_world import SPEED, broker_with_topics
from tests.unit.rails.ach.written_log import SENDER, at_us
from tests.unit.rails.nacha.independent_checker import check

MINUTE_US = 60_000_000
LANDLORD, RENTER, ACCEPTED, CONTESTED = "123456789", "987654321", "50002", "60003"


class World:
    """All of them by one clock, which stands until the test sets it; payments are decided by the test."""

    def __init__(self, folder: Path, broker: OwnBroker) -> None:
        self.folder = folder
        self.bootstrap = broker.bootstrap
        set_clock(folder, NINE)
        clock, drop = str(folder / "clock.json"), folder / "drop"
        bank = bank_process(folder, speed=1, clock_file=clock, drop_dir=str(drop))
        originator = originator_process(folder, bootstrap=broker.bootstrap, dishonors=True)
        gateway = gateway_process(
            folder, bootstrap=broker.bootstrap, bank_url=bank.url, ach_url=originator.url, clock_file=clock
        )
        self._processes = (bank, originator, gateway)
        for process in self._processes:
            process.start()
        self.exchange = AchExchange(
            folder=folder,
            drop=drop,
            originator_url=originator.url,
            bank_url=bank.url,
            books=folder / "bank" / "books.sqlite",
        )
        self.decider = Decider(broker.bootstrap, speed=SPEED)

    def is_taken(self, payments: int) -> None:
        """Wait until the originator has so many payments: one that is late would go with a later file."""
        eventually(lambda: sum(self.exchange.phases().values()) == payments, SECONDS_MAX, self.exchange.say)

    def ends(self, payment_id: str, status: Status) -> Payment:
        return self.decider.wait_for(payment_id, status, seconds=SECONDS_MAX)

    def refund(self, payment_id: str, *, now_us: int) -> str:
        """Order a payment to be given back, and return the refund's id."""
        head = self.decider.payment(payment_id).head
        order = RefundPayment(
            command_id=str(uuid.uuid4()),
            tenant_id=head.tenant_id,
            idempotency_key=head.idempotency_key,
            refund_key="refund-1",
            requested_at_us=now_us,
        )
        assert self.decider.decide(order)
        assert self.decider.decide(refund_command(order, self.decider.payment(payment_id), head.amount_minor))
        return order.refund_id

    def files(self) -> dict[str, bytes]:
        """The originator's files, as the bank took them."""
        return {path.name: path.read_bytes() for path in sorted((self.exchange.drop / "bank" / "done").iterdir())}

    def batches(self) -> list[tuple[str, int, str]]:
        """Class, service class and description of every batch that the bank has taken."""
        files = sorted(self.files().items(), key=lambda file: file[0].rpartition("-")[2])
        assert all(check(data) == [] for _, data in files)
        headers = [batch.header for _, data in files for batch in read_file(io.BytesIO(data)).batches]
        return [
            (each.standard_entry_class.value, each.service_class.value, each.company_entry_description)
            for each in headers
        ]

    def balances(self) -> dict[str, int]:
        books = self.exchange.at_bank("/books")
        assert books["totals"]["entries_minor"] == books["totals"]["balances_minor"] == 0
        return {each["last4"]: each["balance_minor"] for each in books["accounts"]}

    def stop(self) -> None:
        self.decider.close()
        for process in self._processes:
            process.kill()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with broker_with_topics(tmp_path) as broker:
        running = World(tmp_path, broker)
        try:
            yield running
        finally:
            running.stop()


def test_a_refund_and_late_returns_go_there_and_back_and_all_books_agree_to_the_cent(world: World) -> None:
    accounts = {number: world.decider.account(number) for number in (LANDLORD, RENTER, ACCEPTED, CONTESTED)}
    amounts = {RENTER: 150_001, ACCEPTED: 150_020, CONTESTED: 150_300}
    paid = {
        payer: world.decider.pay(
            accounts[payer], accounts[LANDLORD], now_us=NINE, rail=Rail.SAME_DAY_ACH, amount_minor=amount_minor
        )
        for payer, amount_minor in amounts.items()
    }
    set_clock(world.folder, NINE + MINUTE_US)
    world.is_taken(3)
    for moment in ("2026-12-01 10:25", "2026-12-01 13:00", "2026-12-01 14:40", "2026-12-01 17:00"):
        world.exchange.go_on(moment)
    for payment_id in paid.values():
        world.ends(payment_id, Status.COMPLETED)
    refund_id = world.refund(paid[RENTER], now_us=at_us("2026-12-01 17:00"))
    set_clock(world.folder, at_us("2026-12-01 17:01"))
    world.is_taken(4)
    for moment in ("2026-12-02 10:25", "2026-12-02 13:00", "2026-12-02 14:40", "2026-12-02 17:00"):
        world.exchange.go_on(moment)
    world.ends(refund_id, Status.COMPLETED)
    # Late by a banking day. Both are dishonored in the next file; one bank insists.
    for moment in ("2026-12-04 10:25", "2026-12-04 13:00"):
        world.exchange.go_on(moment)
    assert world.exchange.phases() == {Phase.COMPLETED: 4}
    world.exchange.go_on("2026-12-07 10:25")
    returned = world.ends(paid[CONTESTED], Status.RETURNED)
    assert returned.failure is not None
    assert returned.failure.code == "R03"
    assert world.decider.payment(paid[ACCEPTED]).status is Status.COMPLETED
    assert world.batches() == [
        ("WEB", 225, "RENT"),
        ("PPD", 220, "RENT"),
        ("PPD", 225, "REFUND"),
        ("PPD", 220, "REFUND"),
        ("WEB", 225, "RENT"),  # The dishonored returns.
    ]
    # What the payee has of a payment that was returned is the company's loss, and its claim.
    assert world.balances() == {
        RENTER[-4:]: 0,
        ACCEPTED[-4:]: -amounts[ACCEPTED],
        CONTESTED[-4:]: 0,
        LANDLORD[-4:]: amounts[ACCEPTED] + amounts[CONTESTED],
        SENDER.company_identification[-4:]: -amounts[CONTESTED],
    }
    assert world.exchange.originated()["problems"] == {}
    assert rebuilt(folded(world.bootstrap)) == world.files()
