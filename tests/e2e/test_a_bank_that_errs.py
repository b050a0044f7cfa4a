"""A bank that drops, doubles and changes, on the whole stack: its own record of that against what reconciliation finds.

The bank drops what it should tell, books twice and tells twice, and books a cent too much, each drawn for itself, so
that some payments have several faults. What is expected of every booking follows from the bank's record alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from payments.payment import Status
from rails.bank import Reference
from schemas.reconciliation import Side, Verdict
from tests.e2e.erring_bank import PARTITIONS, Transfer, World, errs
from tests.e2e.tenancy import POLL_S

REPORTED = "directpay_reconciliation_records_total"

# What is found: how often a side of a payment stands in which state.
Found = Counter[tuple[str, str, str]]


def test_every_fault_of_a_bank_is_found_and_what_was_lost_is_repaired_once(stack: Any) -> None:
    world = World.open(stack, people=5, wait_s_max=90)
    with errs(world.bank, dropped=0.1, doubled=0.1, changed=0.05):
        world.pay(400)
        transfers = all_are_booked(world)
        only_the_dropped_are_open(world, transfers)
    assert {("dropped",), ("doubled",), ("changed",)} <= {each.faults for each in transfers.values()}
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
    print(f"paid: {time.monotonic() - began:.0f} s, {Counter(each.faults for each in transfers.values())}")
    everything_is_found_once(world, transfers, kill="reconciler")
    print(f"found and repaired: {time.monotonic() - began:.0f} s")
    nothing_is_told_twice(world, transfers)
    print(f"told late: {time.monotonic() - began:.0f} s")
    assert "All promises hold" in directpay(stack, "verify")


def all_are_booked(world: World) -> dict[str, Transfer]:
    """Return the bank's own account of what it did, when it has done it to all of the payments."""

    def is_done() -> bool:
        totals = httpx.get(f"{world.bank}/books", params={"limit": 1}, timeout=60).json()["totals"]
        # Other tests' transfers are among them.
        is_quiet = totals["transfers"] >= len(world.ids) and totals["awaiting"] == 0
        return is_quiet and len(world.transfers()) == len(world.ids)

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
    accounts: dict[str, str] = {}
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
