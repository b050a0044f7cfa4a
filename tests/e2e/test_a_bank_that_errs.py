"""A bank that drops, doubles and changes, on the whole stack: its own record of that against what reconciliation finds.

The bank drops what it should tell, books twice and tells twice, and books a cent too much, each drawn for itself, so
that some payments have several faults. What is expected of every booking follows from the bank's record alone.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import psycopg
import pytest

from cli.settings import KafkaSettings
from payments.idempotency import payment_id, payment_key
from payments.payment import Status
from payments.rails import RAILS
from payments.windows import eastern
from rails.bank import Reference
from rails.simulated.day_statements import account_name
from schemas.partitioning import partition_of
from schemas.reconciliation import Side, Verdict
from tests.e2e.tenancy import POLL_S, Tenancy
from tests.e2e.test_reconciliation import STATEMENTS, all_items

PARTITIONS = KafkaSettings.model_fields["partitions"].default
BATCH = 2_500
SEED = 20_250_220
REPORTED = "directpay_reconciliation_records_total"

# What is found: how often a side of a payment stands in which state.
Found = Counter[tuple[str, str, str]]


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """A payment's transfer as the bank's own books and its record of its faults have it; amounts in cents."""

    payment_id: str
    payer: str
    payee: str
    amount_minor: int
    booked_minor: int
    is_dropped: bool = False
    is_doubled: bool = False

    @property
    def is_changed(self) -> bool:
        return self.booked_minor != self.amount_minor

    @property
    def is_lost(self) -> bool:
        """What only the statement tells, and tells so that it can mean nothing else."""
        return self.is_dropped and not self.is_changed

    def expected(self) -> Iterator[tuple[str, str, str]]:
        """Yield what reconciliation should say of each of its bookings."""
        for side in Side:
            first = Verdict.MISMATCHED if self.is_changed else Verdict.MATCHED
            if self.is_lost and side is Side.PAYEE:
                first = Verdict.REPAIRED
            yield self.payment_id, side.value, first.value
            if self.is_doubled:
                yield self.payment_id, side.value, Verdict.DUPLICATE.value


@dataclass
class World:
    """A tenant whose payments go through a bank that errs. `wait_s_max` bounds every wait of its."""

    stack: Any
    tenancy: Tenancy
    wait_s_max: float
    payers: list[str] = field(default_factory=list)
    payees: list[str] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)  # Of payments, with their amounts in cents.

    @classmethod
    def open(cls, stack: Any, people: int, wait_s_max: float) -> World:
        tenancy = Tenancy.open(stack.stack)
        world = cls(stack, tenancy, wait_s_max)
        # Nobody else's, so that the bank's balances are of these payments only.
        number = random.randrange(10**9, 10**10)
        world.payers = [tenancy.account(tenancy.renter, f"71{number}{each:03d}") for each in range(people)]
        world.payees = [tenancy.account(tenancy.landlord, f"72{number}{each:03d}") for each in range(people)]
        return world

    @property
    def bank(self) -> str:
        return str(self.stack.stack["bank"])

    @property
    def operator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.stack.stack['admin_key']}"}

    def pay(self, payments: int) -> None:
        """Order payments on every rail, whose amounts, days and parties are often alike."""
        chance = random.Random(SEED)
        amounts_minor = [100_000 + 50_00 * chance.randrange(40) for _ in range(payments)]
        for begin in range(0, payments, BATCH):
            orders = [self._order(n, amounts_minor[n]) for n in range(begin, min(begin + BATCH, payments))]
            answer = self._send(orders)
            results = answer.json()["results"]
            assert {each["status"] for each in results} <= {200, 201, 202}
            self.ids |= {
                each["payment"]["id"]: amount_minor
                for each, amount_minor in zip(results, amounts_minor[begin : begin + BATCH], strict=True)
            }

    def wait_until(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.wait_s_max
        while not is_so():
            assert time.monotonic() < deadline, what
            time.sleep(POLL_S)

    def with_status(self, status: Status) -> set[str]:
        """Return the payments that have a status by the views."""
        rows = self.rows("SELECT payment_id FROM analytics.payments WHERE tenant_id = %s AND status = %s", status.value)
        return {str(found) for (found,) in rows} & self.ids.keys()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query over the tenant's rows finds; the tenant is its first value."""
        with psycopg.connect(self.stack.stack["analyst"]) as connection:
            return connection.execute(query, (self.tenancy.tenant_id, *values)).fetchall()

    def transfers(self) -> dict[str, Transfer]:
        """Return the transfers of these payments by the bank's own books, with what it did wrong."""
        wrong = {each["reference"]: each for each in self._pages("/faults/transfers", "transfers")}
        found = {}
        for each in self._pages("/books?totals=no", "transfers"):
            paid = Reference.parse(each["reference"]).payment_id
            if paid in self.ids:
                fault = wrong.get(each["reference"], {})
                found[paid] = Transfer(
                    payment_id=paid,
                    payer=account_name(each["debit_account"]),
                    payee=account_name(each["credit_account"]),
                    amount_minor=each["amount_minor"],
                    booked_minor=fault.get("booked_minor", each["amount_minor"]),
                    is_dropped=bool(fault.get("is_dropped")),
                    is_doubled=bool(fault.get("is_doubled")),
                )
        return found

    def bank_balances(self) -> dict[str, int]:
        accounts = self._pages("/books?totals=no&limit=1000", "accounts", "accounts_after", "accounts_next")
        return {account_name(each["account_id"]): each["balance_minor"] for each in accounts}

    def ledger_balances(self) -> dict[str, int]:
        """Return what our ledger says that accounts have, in cents, by their ids here."""
        rows = self.rows("SELECT account, balance FROM analytics.account_balances WHERE tenant_id = %s")
        return {account.removeprefix("bank_account:"): int(balance * 100) for account, balance in rows}

    def events(self, *types: str) -> int:
        query = "SELECT count(*) FROM analytics.payment_events WHERE tenant_id = %s AND event_type = ANY(%s)"
        return int(self.rows(query, list(types))[0][0])

    def statements(self, form: str) -> list[bytes]:
        """Return the bank's statements of today and yesterday, as far as it booked anything."""
        today = eastern(time.time_ns() // 1000).date()
        answers = [
            httpx.get(f"{self.bank}/statements", params={"date": day.isoformat(), "format": form}, timeout=120)
            for day in (today - timedelta(days=1), today)
        ]
        assert {each.status_code for each in answers} <= {200, 404}
        return [each.content for each in answers if each.status_code == 200]

    def take(self, data: bytes) -> httpx.Response:
        """Hand a statement over HTTP until it is compared to its end: what ends meanwhile is begun again."""
        deadline = time.monotonic() + self.wait_s_max
        while True:
            url = self.stack.stack["http"] + STATEMENTS
            answer = httpx.post(url, content=data, headers=self.operator, timeout=60)
            if answer.status_code in (200, 201):
                return answer
            assert answer.status_code in (202, 503), answer.text
            assert time.monotonic() < deadline, answer.text
            time.sleep(POLL_S)

    def items(self) -> list[dict[str, Any]]:
        """Return what was found of these payments and is more than matched."""
        return self._items_of()

    def matched(self) -> list[dict[str, Any]]:
        return self._items_of(state=Verdict.MATCHED.value)

    def _items_of(self, **query: str) -> list[dict[str, Any]]:
        with httpx.Client(base_url=self.stack.stack["http"], headers=self.operator, timeout=60) as client:
            found = all_items(client, **query)
        return [item for item in found if item["payment"] is not None and item["payment"]["id"] in self.ids]

    def hear_everything(self) -> None:
        """Return when the gateway has told all that the bank's feed has by now, and the views have it."""
        # One behind it on each partition: the feed is told in its order.
        keys: dict[int, str] = {}
        while len(keys) < PARTITIONS:
            key = uuid.uuid4().hex
            keys.setdefault(partition_of(payment_key(self.tenancy.tenant_id, key), PARTITIONS), key)
        for key in keys.values():
            assert self.tenancy.pay(key).status_code in (201, 202)
        for key in keys.values():
            self.tenancy.wait_for(payment_id(self.tenancy.tenant_id, key), "completed", within_s=self.wait_s_max)

    def _send(self, orders: list[dict[str, Any]]) -> httpx.Response:
        """Order, and where the answer is 503 (the outcome is unknown) again with the same keys."""
        deadline = time.monotonic() + self.wait_s_max
        while True:
            answer = self.tenancy.http.post("/api/v1/payments/batch", json=orders, timeout=60)
            if answer.status_code == 200:
                return answer
            assert answer.status_code == 503, answer.text
            assert time.monotonic() < deadline, answer.text
            time.sleep(POLL_S)

    def _order(self, number: int, amount_minor: int) -> dict[str, Any]:
        return self.tenancy.body(
            f"rent-{number}",
            payer_account_id=self.payers[number % len(self.payers)],
            payee_account_id=self.payees[number // 2 % len(self.payees)],
            amount=f"{amount_minor // 100}.{amount_minor % 100:02d}",
            payment_rail_type=list(RAILS)[number % len(RAILS)],
        )

    def _pages(self, path: str, name: str, after: str = "after", following: str = "next") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": 1000}
        while True:
            page = httpx.get(self.bank + path, params=httpx.QueryParams(path.partition("?")[2]).merge(params)).json()
            found += page[name]
            if page[following] is None:
                return found
            params[after] = page[following]


@contextmanager
def errs(bank: str, **shares: float) -> Iterator[None]:
    """Have the bank do this wrong to what it takes meanwhile."""
    url = f"{bank}/faults/rates"
    assert httpx.put(url, json={"seed": SEED, **shares}).status_code == 200
    try:
        yield
    finally:
        assert httpx.put(url, json={}).status_code == 200


def test_every_fault_of_a_bank_is_found_and_what_was_lost_is_repaired_once(stack: Any) -> None:
    world = World.open(stack, people=5, wait_s_max=90)
    with errs(world.bank, dropped=0.1, doubled=0.1, changed=0.05):
        world.pay(400)
        transfers = all_are_booked(world)
        only_the_dropped_are_open(world, transfers)
    assert {("dropped",), ("doubled",), ("changed",)} <= {kinds(each) for each in transfers.values()}
    # Asking tells nothing: what is left is for a statement.
    assert " 0 are repaired" in directpay(stack, "repair")
    everything_is_found_once(world, transfers, kill=None)
    nothing_is_told_twice(world, transfers)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_fifty_thousand_payments_of_a_bank_that_errs(stack: Any) -> None:
    world = World.open(stack, people=100, wait_s_max=300)
    began = time.monotonic()
    with errs(world.bank, dropped=0.02, doubled=0.02, changed=0.001):
        world.pay(50_000)
        transfers = all_are_booked(world)
        only_the_dropped_are_open(world, transfers)
    print(f"paid: {time.monotonic() - began:.0f} s, {Counter(kinds(each) for each in transfers.values())}")
    everything_is_found_once(world, transfers, kill="reconciler")
    print(f"found and repaired: {time.monotonic() - began:.0f} s")
    nothing_is_told_twice(world, transfers)
    print(f"told late: {time.monotonic() - began:.0f} s")
    assert "All promises hold" in directpay(stack, "verify")


def kinds(transfer: Transfer) -> tuple[str, ...]:
    wrong = {"dropped": transfer.is_dropped, "doubled": transfer.is_doubled, "changed": transfer.is_changed}
    return tuple(name for name, is_so in wrong.items() if is_so)


def all_are_booked(world: World) -> dict[str, Transfer]:
    """Return the bank's own account of what it did, when it has done it to all of the payments."""

    def is_done() -> bool:
        totals = httpx.get(f"{world.bank}/books", params={"limit": 1}, timeout=60).json()["totals"]
        return bool(totals["transfers"] >= len(world.ids) and totals["awaiting"] == 0)

    world.wait_until("the bank has settled all", is_done)
    transfers = world.transfers()
    assert {each: it.amount_minor for each, it in transfers.items()} == world.ids
    return transfers


def only_the_dropped_are_open(world: World, transfers: Mapping[str, Transfer]) -> None:
    dropped = {each for each, it in transfers.items() if it.is_dropped}
    completed = len(world.ids) - len(dropped)
    world.wait_until("all that was told is heard", lambda: len(world.with_status(Status.COMPLETED)) >= completed)
    assert world.with_status(Status.PROCESSING) == dropped


def everything_is_found_once(world: World, transfers: Mapping[str, Transfer], *, kill: str | None) -> None:
    """Import the bank's statements, in two formats, and hold what is found against the bank's own record."""
    lost = {each for each, it in transfers.items() if it.is_lost}
    data = world.statements("csv")
    with killed_in_the_middle(world, kill):
        answers = [world.take(each) for each in data]
    found = [answer.json() for answer in answers]
    assert sum(each["repaired"] for each in found) == len(lost)
    assert sum(each["unmatched_here"] for each in found) == 0
    assert [each["unproven"] for each in found] == [0] * len(found), [each["proofs"][:3] for each in found]
    more = world.items()
    items = [*more, *world.matched()]
    expected: Found = Counter(each for transfer in transfers.values() for each in transfer.expected())
    seen: Found = Counter((it["payment"]["id"], it["payment"]["side"], it["state"]) for it in items)
    assert seen == expected, (list((seen - expected).items())[:5], list((expected - seen).items())[:5])
    for item in items:
        is_held_against_the_books(item, transfers[item["payment"]["id"]])

    world.wait_until("the repaired have completed", lambda: not lost & world.with_status(Status.PROCESSING))
    assert lost <= world.with_status(Status.COMPLETED)
    # However often: the same file, and the same bookings in another format from the command line.
    assert [world.take(each).content for each in data] == [each.content for each in answers]
    folder = Path(world.stack.state.path)
    for number, each in enumerate(world.statements("camt.053")):
        path = folder / f"again-{number}.xml"
        path.write_bytes(each)
        said = directpay(world.stack, "reconcile", str(path))
        counts = said.partition("\n")[0].partition("bookings: ")[2]
        assert counts.startswith("known "), said
    assert world.items() == more


def is_held_against_the_books(item: Mapping[str, Any], transfer: Transfer) -> None:
    """A booking that is said to be of a payment is the bank's own of that payment: account, amount and evidence."""
    is_payer = item["payment"]["side"] == Side.PAYER
    assert item["statement"]["account"] == (transfer.payer if is_payer else transfer.payee)
    assert cents(item["amount"]) == (-transfer.booked_minor if is_payer else transfer.booked_minor)
    assert cents(item["expected_amount"]) == (-transfer.amount_minor if is_payer else transfer.amount_minor)
    assert Reference.parse(item["statement"]["end_to_end_id"]).payment_id == transfer.payment_id


def nothing_is_told_twice(world: World, transfers: Mapping[str, Transfer]) -> None:
    """The bank tells at last what it dropped: what was repaired is not paid again, and the books follow to the cent."""
    told = httpx.post(f"{world.bank}/faults/transfers/tell", timeout=60).json()["told"]
    assert told == sum(it.is_dropped for it in transfers.values())
    world.hear_everything()
    assert world.with_status(Status.COMPLETED) == world.ids.keys()
    assert world.events("payment_suspense_recorded") == 0
    assert world.events("payment_completed") == len(world.ids) + PARTITIONS
    assert " 0 are repaired" in directpay(world.stack, "repair")
    # The daily proof by other means: the bank's own balances, our ledger's, and the items between them.
    bank, ledger = world.bank_balances(), world.ledger_balances()
    explained: Counter[str] = Counter()
    for item in world.items():
        if item["state"] == Verdict.DUPLICATE:
            explained[item["statement"]["account"]] += cents(item["amount"])
        elif item["state"] == Verdict.MISMATCHED:
            explained[item["statement"]["account"]] += cents(item["amount"]) - cents(item["expected_amount"])
    for ours, theirs in accounts_of(world, transfers).items():
        assert bank[theirs] == ledger[ours] + explained[theirs], (ours, theirs)


def accounts_of(world: World, transfers: Mapping[str, Transfer]) -> dict[str, str]:
    """Return which account of the bank's each of the tenant's is, by the transfers."""
    rows = world.rows(
        "SELECT payment_id, payer_account_id, payee_account_id FROM analytics.payments WHERE tenant_id = %s"
    )
    accounts = {}
    for paid, payer, payee in rows:
        if (transfer := transfers.get(str(paid))) is not None:
            accounts |= {str(payer): transfer.payer, str(payee): transfer.payee}
    assert accounts.keys() == {*world.payers, *world.payees}
    return accounts


@contextmanager
def killed_in_the_middle(world: World, kind: str | None) -> Iterator[None]:
    """Kill the reconciler with -9 when it has written a part of what it will find; it is started again."""
    if kind is None:
        yield
        return
    (pid,) = world.stack.stack["pids"][kind]
    url = f"{world.stack.stack['reconciler']}/metrics"

    def kill() -> None:
        deadline = time.monotonic() + world.wait_s_max
        while records_of(url) < len(world.ids) // 2 and time.monotonic() < deadline:
            time.sleep(POLL_S)
        os.kill(pid, signal.SIGKILL)

    killing = Thread(target=kill)
    killing.start()
    try:
        yield
    finally:
        killing.join()
    assert world.stack.stack["pids"][kind] != [pid]


def records_of(metrics_url: str) -> float:
    with suppress(httpx.HTTPError):
        lines = httpx.get(metrics_url, timeout=10).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(REPORTED))
    return 0


def cents(amount: str) -> int:
    return int(amount.replace(".", ""))


def directpay(stack: Any, command: str, *arguments: str) -> str:
    argv = [sys.executable, "-m", "cli.main", command, "--state-dir", str(stack.state.path), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
