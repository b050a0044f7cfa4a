"""Bank statements on the whole stack: what differs is found, what was lost is repaired once, the balances follow."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from payments.windows import eastern
from rails.bank import Reference
from rails.simulated.statements.bookings import AccountStatement, Booking, Item, Kind, StatementFile
from rails.simulated.statements.writer import write_statements
from tests.e2e.tenancy import POLL_S, SETTLE_WAIT_S_MAX, Tenancy

PAYMENTS = 200
STATEMENTS = "/api/v1/reconciliation/statements"
ITEMS = "/api/v1/reconciliation/items"
# What the bank does with a payee's account, and where that ends.
ENDS = {"44001288": "completed", "30002": "completed", "20001": "returned", "10001": "failed"}


def test_the_banks_own_statement_agrees_with_the_books(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack)
    payees = [tenancy.account(tenancy.landlord, number) for number in ENDS]
    orders = [tenancy.body(payee_account_id=payees[number % len(payees)]) for number in range(PAYMENTS)]
    results = tenancy.http.post("/api/v1/payments/batch", json=orders).json()["results"]
    ids = [result["payment"]["id"] for result in results]
    ends = list(ENDS.values())
    for number, payment_id in enumerate(ids):
        tenancy.wait_for(payment_id, ends[number % len(ends)])

    operator = {"Authorization": f"Bearer {stack.stack['admin_key']}"}
    data = bank_statement(stack)
    # Everybody's payments are in it, so it is the operator's; other tests' payments may be on their way.
    first = httpx.post(stack.stack["http"] + STATEMENTS, content=data, headers=operator, timeout=60)
    assert first.status_code == 201, first.text
    found = first.json()
    assert found["matched"] >= 2 * PAYMENTS * 3 // 4
    assert (found["unproven"], found["repaired"]) == (0, 0), found
    again = httpx.post(stack.stack["http"] + STATEMENTS, content=data, headers=operator, timeout=60)
    assert (again.status_code, again.headers["Idempotency-Replayed"], again.content) == (200, "true", first.content)
    with httpx.Client(base_url=stack.stack["http"], headers=operator, timeout=20) as client:
        told = [item for item in all_items(client) if item["payment"] and item["payment"]["id"] in set(ids)]
        matched = [it for it in all_items(client, state="matched") if it["payment"]["id"] in set(ids)]
    assert told == []
    # Both sides of what arrived, and of what came back.
    booked = Counter((it["payment"]["side"], it["payment"]["movement"]) for it in matched)
    arrived, returned = PAYMENTS * 3 // 4, PAYMENTS // 4
    assert booked == {
        ("payer", "settled"): arrived,
        ("payee", "settled"): arrived,
        ("payer", "returned"): returned,
        ("payee", "returned"): returned,
    }


def test_what_a_statement_has_and_we_do_not_is_found_and_repaired_once(stack: Any, tmp_path: Path) -> None:
    tenancy = Tenancy.open(stack.stack)
    silent = tenancy.account(tenancy.landlord, "30003")
    # The bank never says what became of it, whoever asks.
    lost = tenancy.pay(payee_account_id=silent).json()["id"]
    well, doubled, changed = (tenancy.pay().json()["id"] for _ in range(3))
    tenancy.wait_for(lost, "processing")
    for payment_id in (well, doubled, changed):
        tenancy.wait_for(payment_id, "completed")
    bookings = [
        booking(150_000, well),
        booking(150_000, lost),
        booking(150_000, doubled),
        booking(150_000, doubled),
        booking(149_999, changed),
        booking(-1_500, None),
    ]
    statement = tmp_path / "day.csv"
    statement.write_bytes(written(bookings, "csv"))

    answer = tenancy.http.post(STATEMENTS, params={"name": "day.csv"}, content=statement.read_bytes())

    assert answer.status_code == 201, answer.text
    found = answer.json()
    counts = {name: found[name] for name in ("matched", "repaired", "mismatched", "duplicates", "unmatched_at_bank")}
    assert counts == {"matched": 2, "repaired": 1, "mismatched": 1, "duplicates": 1, "unmatched_at_bank": 1}
    assert (found["unmatched_here"], [proof["holds"] for proof in found["proofs"]]) == (0, [True])
    tenancy.wait_for(lost, "completed")
    # The same bookings in another file, and the same file from the command line.
    again = tenancy.http.post(STATEMENTS, content=written(bookings, "camt.053")).json()
    assert (again["known"], again["repaired"], again["unproven"]) == (6, 0, 0)
    said = directpay(stack, "reconcile", "--tenant", tenancy.tenant_id, str(statement))
    assert "taken before" in said
    assert "holds" in said
    assert [event["event_type"] for event in tenancy.history(lost)] == [
        "payment_initiated",
        "payment_processing",
        "payment_completed",
    ]

    items = {item["state"]: item for item in all_items(tenancy.http)}
    assert items.keys() == {"repaired", "mismatched", "duplicate", "unmatched_at_bank"}
    assert [items["mismatched"][name] for name in ("amount", "expected_amount")] == ["1499.99", "1500.00"]
    assert [each["event_type"] for each in items["mismatched"]["payment"]["history"]][-1] == "payment_completed"
    fee = items["unmatched_at_bank"]
    assert fee["statement"]["text"] == "account fee"
    resolve = f"{ITEMS}/{fee['id']}/resolve"
    word = {"resolution": "accepted", "note": "the account's fee"}
    first, second = tenancy.http.post(resolve, json=word), tenancy.http.post(resolve, json=word)
    assert (first.status_code, second.content) == (200, first.content)
    assert first.json()["resolution"]["note"] == "the account's fee"
    assert tenancy.http.post(resolve, json=word | {"note": "no"}).status_code == 409
    assert {item["state"] for item in all_items(tenancy.http, state="open")} == {"mismatched", "duplicate"}
    # The book is a fold of the log: without it the answer is the same.
    stack.stop_component("reconciler")
    for part in (stack.state.path / "state" / "reconciler").glob("reconciliation_book.sqlite*"):
        part.unlink()
    stack.start_component("reconciler")
    replayed = tenancy.http.post(STATEMENTS, content=statement.read_bytes())
    assert (replayed.status_code, replayed.content) == (200, answer.content)
    # Another tenant has none of it, and cannot touch it.
    other = Tenancy.open(stack.stack, furnish=False)
    assert all_items(other.http) == []
    assert other.http.post(resolve, json=word).status_code == 404


def test_a_file_that_is_no_statement_is_refused_with_its_line(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack, furnish=False)
    answer = tenancy.http.post(STATEMENTS, content=b"row,account\nopening,1\n")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["message"].startswith("line 1, ")
    assert tenancy.http.post(STATEMENTS, content=b"").status_code == 400
    assert httpx.post(stack.stack["http"] + STATEMENTS, content=b"x").status_code == 401


def test_repair_asks_the_bank_for_what_the_gateway_did_not_hear(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack)
    # Settled, and only asking tells: the gateway would ask when its submit gets no answer, after seconds.
    payer = tenancy.account(tenancy.renter, "30001")
    bodies = [tenancy.body(payer_account_id=payer) for _ in range(5)]
    answer = tenancy.http.post("/api/v1/payments/batch", json=bodies)
    ids = [each["payment"]["id"] for each in answer.json()["results"]]
    with paused(stack, "rails", once=lambda: all(is_settled_at_bank(stack, each) for each in ids)):
        said = directpay(stack, "repair")
        # On a busy machine those seconds may be over for the first of them.
        repaired = re.search(r" ([1-5]) are repaired", said)
        assert repaired, said
        for payment_id in ids:
            tenancy.wait_for(payment_id, "completed")
        assert " 0 are repaired" in directpay(stack, "repair")
    assert [len(tenancy.history(each)) for each in ids] == [3] * len(ids)


def bank_statement(stack: Any) -> bytes:
    day = eastern(time.time_ns() // 1000).date()
    answer = httpx.get(f"{stack.stack['bank']}/statements", params={"date": day.isoformat()}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.content


def booking(amount_minor: int, payment_id: str | None) -> Booking:
    day = eastern(time.time_ns() // 1000).date()
    reference = None if payment_id is None else str(Reference(payment_id=payment_id, attempt=1))
    item = Item(
        amount_minor=amount_minor,
        reference=f"BK-{uuid.uuid4().hex[:12]}",
        end_to_end_id=reference,
        text="" if payment_id else "account fee",
    )
    return Booking(kind=Kind.INSTANT, item=item, booked_on=day, valued_on=day)


def written(bookings: list[Booking], form: str) -> bytes:
    day = bookings[0].booked_on
    statement = AccountStatement(
        account="LANDLORD1",
        statement_id=f"LANDLORD1-{day:%Y%m%d}",
        currency="USD",
        opening_minor=100,
        first_day=day,
        last_day=day,
        bookings=bookings,
    )
    file = StatementFile(
        sender="121042882",
        receiver="DIRECTPAY",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        number=1,
        statements=[statement],
    )
    return b"".join(write_statements(file, form))


def all_items(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        paging = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
        page = client.get(ITEMS, params=query | paging)
        assert page.status_code == 200, page.text
        items += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return items


def is_settled_at_bank(stack: Any, payment_id: str) -> bool:
    reference = str(Reference(payment_id=payment_id, attempt=1))
    asked = httpx.post(f"{stack.stack['bank']}/transfers/ask", json={"references": [reference]}, timeout=10)
    return bool(asked.json()["answers"][0]["standing"] == "decided")


@contextmanager
def paused(stack: Any, kind: str, *, once: Any) -> Iterator[None]:
    """Pause a process as soon as something is so, and let it go on afterwards."""
    deadline = time.monotonic() + SETTLE_WAIT_S_MAX
    while not once():
        assert time.monotonic() < deadline
        time.sleep(POLL_S)
    (pid,) = stack.stack["pids"][kind]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def directpay(stack: Any, command: str, *arguments: str) -> str:
    argv = [sys.executable, "-m", "cli.main", command, "--state-dir", str(stack.state.path), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout
