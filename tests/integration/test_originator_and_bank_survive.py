"""Gateway, originator and simulated bank, killed at 30 random moments: every entry is in one file, which has the same
bytes when it is built again, and our ledger, the originator's book and the bank's books agree to the cent."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path

from chaos.evidence import read_events
from payments.ledger import Direction, bank_account, clearing, postings
from payments.payment import Payment, Status
from payments.rails import Rail
from rails.ach.phases import Leg, Phase
from rails.ach.problems import FOR_A_PERSON
from rails.bank import Reference
from tests.integration.ach_exchange import NINE, SECONDS_MAX, AchExchange, set_clock
from tests.integration.decider import Decider
from tests.integration.originated_files import entries_of, folded, rebuilt
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import bank_process, eventually, gateway_process, originator_process
from tests.integration.rail_world import SPEED, broker_with_topics
from tests.unit.rails.ach.written_log import SENDER, at_us

PAYMENTS_AT_ONCE = 60
KILLS_A_MOMENT = 3
PAUSE_S_MAX = 0.7
RAIL = Rail.SAME_DAY_ACH
# Half of the payments are claimed at the first, the others on the way to the third: their windows are later ones.
ORDERED = {"2026-12-01 09:01": "2026-12-01 09:00", "2026-12-01 13:00": "2026-12-01 10:25"}
# Cut-offs, window ends, and mornings after returns; what is due on the way to one is done in its order.
MOMENTS = [
    *("2026-12-01 09:01", "2026-12-01 10:25", "2026-12-01 13:00", "2026-12-01 14:40", "2026-12-01 17:00"),
    *("2026-12-02 10:25", "2026-12-02 13:00", "2026-12-03 10:25", "2026-12-04 10:25", "2026-12-04 13:00"),
]
# The last four digits, by which the bank shows accounts, tell them apart.
PAYERS = ("987654321", "10001", "20002", "20009", "400010004", "40005", "987654322")
PAYEES = ("123456789", "10003", "123456780", "20016")
# What payer and payee have at the bank beyond what our ledger says, in the payment's amount, where a payment ends. The
# company at the bank has that much less.
AT_THE_COMPANYS_COST = {
    Phase.COMPLETED: (0, 0),
    Phase.FAILED: (0, 0),
    Phase.GIVEN_BACK: (0, 0),
    Phase.EVEN: (0, 0),
    Phase.RETURNED: (0, 1),  # Passed on, and taken back by the payer.
    Phase.GIVEN_TWICE: (1, 0),
    Phase.HELD: (-1, 0),
}


class Survivors:
    """The three, which are killed while they work; payments are decided by the test."""

    def __init__(self, folder: Path, broker: OwnBroker) -> None:
        self.folder = folder
        self.bootstrap = broker.bootstrap
        self.chance = random.Random(5)
        self.kills: Counter[str] = Counter()
        set_clock(folder, NINE)
        clock, drop = str(folder / "clock.json"), str(folder / "drop")
        bank = bank_process(folder, speed=1, clock_file=clock, drop_dir=drop)
        originator = originator_process(folder, bootstrap=broker.bootstrap)
        gateway = gateway_process(
            folder, bootstrap=broker.bootstrap, bank_url=bank.url, ach_url=originator.url, clock_file=clock
        )
        self.exchange = AchExchange(
            folder=folder,
            drop=folder / "drop",
            originator_url=originator.url,
            bank_url=bank.url,
            books=folder / "bank" / "books.sqlite",
        )
        self.processes = {"bank": bank, "originator": originator, "gateway": gateway}
        for process in self.processes.values():
            process.start()
        self.decider = Decider(broker.bootstrap, speed=SPEED)
        self.numbers = {self.decider.account(number): number for number in (*PAYERS, *PAYEES)}
        self.ordered: list[str] = []

    def pay(self, now_us: int) -> None:
        """Order payments between all kinds of accounts, each of another amount."""
        accounts = {number: account_id for account_id, number in self.numbers.items()}
        for _ in range(PAYMENTS_AT_ONCE):
            n = len(self.ordered)
            payer, payee = accounts[PAYERS[n % len(PAYERS)]], accounts[PAYEES[n % len(PAYEES)]]
            self.ordered.append(self.decider.pay(payer, payee, now_us=now_us, rail=RAIL, amount_minor=100_000 + n))

    def pass_moment(self, moment: str) -> None:
        """Set the clock, kill them somewhere in what this begins, or while they start, and wait until all is done."""
        set_clock(self.folder, at_us(moment))
        for name in self.chance.choices(list(self.processes), k=KILLS_A_MOMENT):
            time.sleep(self.chance.uniform(0, PAUSE_S_MAX))  # The moment of the kill.
            self.processes[name].kill()
            self.processes[name].launch()
            self.kills[name] += 1
        for process in self.processes.values():
            process.wait_until_ready()
        eventually(self.is_all_taken, SECONDS_MAX, self.say)
        self.exchange.wait_until_quiet(at_us(moment))

    def is_all_taken(self) -> bool:
        """Tell whether the originator has every payment: one that is late would go with a later file."""
        return sum(self.exchange.phases().values()) == len(self.ordered)

    def phases(self) -> dict[str, Phase]:
        """Where each payment stands, by the originator's book."""
        with contextlib.closing(sqlite3.connect(self.folder / "originator" / "ach_book.sqlite")) as book:
            rows = book.execute("SELECT reference, phase FROM payments").fetchall()
        return {Reference.parse(reference).payment_id: Phase(phase) for reference, phase in rows}

    def files(self) -> dict[str, bytes]:
        """The originator's files, as the bank took them."""
        return {path.name: path.read_bytes() for path in (self.folder / "drop" / "bank" / "done").iterdir()}

    def say(self) -> str:
        logs = (process.tail() for process in self.processes.values())
        return "\n".join((str(self.kills), self.exchange.say(), *logs))

    def stop(self) -> None:
        self.decider.close()
        for process in self.processes.values():
            process.kill()


def test_killed_at_30_random_moments_they_agree_on_every_entry_and_to_the_cent(tmp_path: Path) -> None:
    with broker_with_topics(tmp_path) as broker:
        all_three = Survivors(tmp_path, broker)
        try:
            for moment in MOMENTS:
                if moment in ORDERED:
                    all_three.pay(at_us(ORDERED[moment]))
                all_three.pass_moment(moment)
            assert all_three.kills.total() == 30
            assert len(all_three.kills) == 3
            compare_entries(all_three)
            compare_money(all_three)
        finally:
            all_three.stop()


def compare_entries(all_three: Survivors) -> None:
    """Every entry is in one file, once at the bank, and the files are the same when they are built again."""
    files = all_three.files()
    assert rebuilt(folded(all_three.bootstrap)) == files
    entries = entries_of(files)
    assert set(entries.values()) == {1}
    debited = {Reference.parse(reference).payment_id for reference, leg in entries if leg is Leg.DEBIT}
    assert debited == set(all_three.ordered)
    traces = Counter(all_three.exchange.traces_at_bank())
    assert set(traces.values()) == {1}
    assert traces.total() == entries.total()


def compare_money(all_three: Survivors) -> None:
    """Each account has at the bank what our ledger says, but for what the originator's book gives a reason for."""
    phases = all_three.phases()
    assert {Phase.COMPLETED, Phase.FAILED, Phase.RETURNED, Phase.GIVEN_BACK} <= set(phases.values())
    assert set(phases.values()) <= set(AT_THE_COMPANYS_COST), "nothing is under way"
    eventually(lambda: has_heard_all(all_three.decider, phases), SECONDS_MAX, all_three.say)
    assert not all_three.decider.refused
    payments = {event.key: event.payment for event in read_events(all_three.bootstrap)}
    assert payments.keys() == phases.keys() == set(all_three.ordered)
    ledger = balances(payments)
    assert sum(ledger.values()) == 0
    assert ledger[clearing(RAIL)] == 0, "nothing is in flight"
    expected = {number[-4:]: ledger[bank_account(account_id)] for account_id, number in all_three.numbers.items()}
    company_minor = 0
    for payment_id, payment in payments.items():
        head, shares = payment.head, AT_THE_COMPANYS_COST[phases[payment_id]]
        for account_id, share in zip((head.payer_account_id, head.payee_account_id), shares, strict=True):
            expected[all_three.numbers[account_id][-4:]] += share * head.amount_minor
            company_minor -= share * head.amount_minor
    books = all_three.exchange.at_bank("/books")
    assert books["totals"]["entries_minor"] == books["totals"]["balances_minor"] == 0
    at_bank = {each["last4"]: each["balance_minor"] for each in books["accounts"]}
    assert at_bank == expected | {SENDER.company_identification[-4:]: company_minor}
    assert set(all_three.exchange.originated()["problems"]) <= {FOR_A_PERSON}


def has_heard_all(decider: Decider, phases: dict[str, Phase]) -> bool:
    """Tell whether every payment has ended as the originator's book says."""
    return all(decider.payment(each).status in statuses_of(phase) for each, phase in phases.items())


def statuses_of(phase: Phase) -> set[Status]:
    match phase:
        case Phase.COMPLETED:
            return {Status.COMPLETED}
        case Phase.FAILED:
            return {Status.FAILED}
        case _:
            # A credit that comes back before it was heard that it had arrived fails its payment.
            return {Status.RETURNED, Status.FAILED}


def balances(payments: dict[str, Payment]) -> Counter[str]:
    """What our ledger says of every account, in cents, credits positive: from the log alone."""
    found: Counter[str] = Counter()
    for payment in payments.values():
        for transition in payment.transitions:
            for posting in postings(payment.head, transition):
                is_credit = posting.direction is Direction.CREDIT
                found[posting.account] += posting.amount_minor if is_credit else -posting.amount_minor
    return found
