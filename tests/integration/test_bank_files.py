"""The simulated bank takes ACH files, as a process of its own: over HTTP and from a folder, by a clock that is set."""

from __future__ import annotations

import contextlib
import io
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from business_clock import Setting, write_setting
from rails.ach.file_drop import QUIET_S
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.reader import read_file
from rails.nacha.return_addenda import Return
from reconciliation.statements.reader import read_statements
from reconciliation.statements.whole import whole_statements
from tests.integration.rail_processes import RailProcess, bank_process, eventually
from tests.unit.rails.ach.written_log import at_us
from tests.unit.rails.ach_bank.sent_files import MONDAY, debits_of, entries_of, named, sent
from tests.unit.rails.nacha.contents import entry
from tests.unit.rails.nacha.independent_checker import check

SECONDS_MAX = 60.0
SUNDAY = at_us("2026-11-29 00:00")


class World:
    """A bank whose clock stands on Monday morning until somebody sets it, and the folders of its originator."""

    def __init__(self, folder: Path) -> None:
        self.drop = folder / "drop"
        self.books = folder / "bank" / "books.sqlite"
        setting = Setting(set_by="a test", from_us=SUNDAY, at_us=MONDAY, since_us=time.time_ns() // 1000)
        write_setting(folder / "clock.json", setting)
        self.bank = bank_process(folder, speed=1, clock_file=str(folder / "clock.json"), drop_dir=str(self.drop))
        self.bank.start()

    def put(self, name: str, data: bytes) -> httpx.Response:
        return httpx.put(f"{self.bank.url}/files/{name}", content=data, timeout=20)

    def set_clock(self, **wanted: Any) -> dict[str, Any]:
        answer = httpx.put(f"{self.bank.url}/clock", json=wanted, timeout=20)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def go_on_to(self, text: str) -> None:
        self.set_clock(to=text)

    def files(self) -> dict[str, Any]:
        report: dict[str, Any] = self.bank.get("/files", limit=1000).json()
        return report

    def answers(self) -> list[EntryDetail]:
        """What stands in the files that the bank wrote, each judged by a checker of its own."""
        found = []
        for file in self.files()["files"]:
            if file["direction"] == "out":
                data = self.bank.get(f"/files/{file['name']}").content
                assert check(data) == []
                found.append(read_file(io.BytesIO(data)))
        return entries_of(found)

    def has_done_all(self) -> bool:
        totals, counts = self.bank.get("/books").json()["totals"], self.files()["counts"]
        assert totals["entries_minor"] == totals["balances_minor"] == 0
        return bool(totals["awaiting"] == counts["answers_waiting"] == 0)

    def is_done_by(self, at_us: int) -> bool:
        """Tell whether the bank has done what was due by then."""
        with contextlib.closing(sqlite3.connect(self.books)) as books:
            due = books.execute("SELECT count(*) FROM ach_entries WHERE next_at_us <= ?", (at_us,)).fetchone()[0]
        return bool(due == 0 and self.files()["counts"]["answers_waiting"] == 0)

    def wait_until_done(self) -> None:
        eventually(self.has_done_all, SECONDS_MAX, self.bank.tail)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    running = World(tmp_path)
    yield running
    running.bank.kill()


def test_a_file_is_put_posted_and_answered(world: World) -> None:
    data = sent(*debits_of("10001", "111111"))
    answer = world.put("payments.ach", data)
    assert answer.status_code == 201
    assert answer.json()["entries"] == 2
    assert answer.json()["debit_minor"] == 300_000
    again = world.put("again.ach", data)
    assert again.status_code == 200
    assert again.json() == {**answer.json(), "is_new": False}
    assert world.bank.get("/files/payments.ach").content == data
    assert world.bank.get("/files/again.ach").status_code == 404
    shown = world.set_clock(to="2026-12-01T08:30:00-05:00")
    assert shown["now_eastern"] == "2026-12-01T08:30:00-05:00"
    world.wait_until_done()
    [back] = world.answers()
    assert isinstance(back.addenda, Return)
    assert back.addenda.return_reason_code == "R01"
    balances = {each["last4"]: each["balance_minor"] for each in world.bank.get("/books").json()["accounts"]}
    assert balances == {"7890": 150_000, "0001": 0, "1111": -150_000}
    for form in ("camt.053", "bai2", "csv"):
        written = world.bank.get("/statements", date="2026-12-01", format=form)
        found = whole_statements(read_statements(io.BytesIO(written.content)))
        assert sorted(each.head.closing_minor for each in found) == [-150_000, 0, 150_000]
    assert world.bank.get("/statements", date="2026-12-02").status_code == 404
    for strange in ({}, {"date": "20261201"}, {"date": "2026-12-01", "format": "mt940"}):
        assert world.bank.get("/statements", **strange).status_code == 400


def test_what_is_not_taken_is_refused_with_why(world: World) -> None:
    data = sent(*debits_of("111111"))
    broken = world.put("broken.ach", data.replace(b"\n8200", b"\n82X0"))
    assert broken.status_code == 422
    assert broken.headers["content-type"] == "application/problem+json"
    lines = data.splitlines()
    lines[2] = lines[2][:39].replace(b"0000150000", b"000015000X") + lines[2][39:]
    broken = world.put("broken.ach", b"\n".join(lines))
    [fault] = broken.json()["errors"]
    assert (fault["line"], fault["field"], fault["rule"]) == (3, "amount", "format")
    assert world.put("bank-1.ach", data).status_code == 400
    assert world.put("payments.ach", data).status_code == 201
    assert world.put("payments.ach", sent(*debits_of("222222"), file_id="B")).status_code == 409
    assert world.put("other.ach", sent(*debits_of("222222"))).status_code == 409
    report = world.files()
    assert report["counts"]["entries"] == 1
    assert {each["name"] for each in report["refused"]} == {"broken.ach", "bank-1.ach", "payments.ach", "other.ach"}
    assert "111111" not in world.bank.log_text()


def test_the_clock_steps_through_a_payments_days(world: World) -> None:
    world.put("payments.ach", sent(*debits_of("20001")))
    came = []
    while not world.answers():
        shown = world.set_clock(step=True)
        came.append(shown["now_eastern"][:16])
        # The next step is taken when this one's work is done: nothing is due by now.
        eventually(partial(world.is_done_by, shown["now_us"]), SECONDS_MAX, world.bank.tail)
    assert came[-1] == "2026-12-03T08:30"
    assert "2026-12-01T08:30" in came
    backwards = httpx.put(f"{world.bank.url}/clock", json={"to": "2026-12-01T08:30:00-05:00"})
    assert backwards.status_code == 409


def test_files_come_from_the_folder_and_answers_go_there(world: World) -> None:
    path = world.drop / "outbox" / "20261130-A-standard_ach-00000001.ach"
    path.write_bytes(sent(*debits_of("10003", "111111")))
    long_ago = time.time() - 2 * QUIET_S
    os.utime(path, (long_ago, long_ago))
    eventually(lambda: not path.exists(), SECONDS_MAX, world.bank.tail)
    world.go_on_to("2026-12-01T09:00:00-05:00")
    inbox = world.drop / "inbox"
    eventually(lambda: len(list(inbox.iterdir())) == 1, SECONDS_MAX, world.bank.tail)
    [answer] = inbox.iterdir()
    assert world.bank.get(f"/files/{answer.name}").content == answer.read_bytes()


def test_an_outage_answers_nobody_until_it_is_over(world: World) -> None:
    world.put("payments.ach", sent(*debits_of("111111")))
    asked = httpx.post(f"{world.bank.url}/faults", json={"fault": "outage", "for_s": 3600})
    assert asked.status_code == 201
    refused = world.put("b.ach", sent(*debits_of("222222"), file_id="B"))
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert world.bank.get("/books").status_code == 503
    assert world.bank.get("/faults").json()["faults"][0]["kind"] == "outage"
    world.set_clock(to="2026-11-30T10:11:00-05:00")
    eventually(lambda: world.bank.get("/books").status_code == 200, SECONDS_MAX, world.bank.tail)
    assert world.put("b.ach", sent(*debits_of("222222"), file_id="B")).status_code == 201


def test_faults_happen_and_are_removed(world: World) -> None:
    asked = httpx.post(f"{world.bank.url}/faults", json={"fault": "late_return", "next": 2})
    fault = f"{world.bank.url}/faults/{asked.json()['fault_id']}"
    world.put("payments.ach", sent(*debits_of("111111")))
    world.go_on_to("2026-12-05T09:00:00-05:00")
    world.wait_until_done()
    assert [each.account_number for each in world.answers()] == ["111111"]
    assert world.bank.get("/faults").json()["faults"][0]["entries_left"] == 1
    assert httpx.delete(fault).status_code == 204
    assert httpx.delete(fault).status_code == 404
    assert httpx.post(f"{world.bank.url}/faults", json={"fault": "late_return"}).status_code == 400


def test_a_bank_killed_at_random_moments_posts_and_answers_every_entry_once(world: World) -> None:
    chance = random.Random(11)
    asked = {"10001": "R01", "20009": "R09", "111111": None, "40001": "C01"}
    made: dict[str, str] = {}
    files = []
    for number in range(24):
        entries = []
        for n in range(chance.randrange(1, 30)):
            account = chance.choice(list(asked))
            entries.append(entry(number * 100 + n + 1, account_number=account, amount_minor=chance.randrange(1, 10**6)))
            made[entries[-1].trace_number] = account
        files.append(sent(*entries, file_id="ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number]))
    for number, data in enumerate(files):

        def is_taken(number: int = number, data: bytes = data) -> bool:
            try:
                return world.put(f"{number}.ach", data).status_code in (200, 201)
            except httpx.HTTPError:
                return False

        eventually(is_taken, SECONDS_MAX, world.bank.tail)
        if number % 6 == 5:
            world.set_clock(step=True)
            # Somewhere in what this begins.
            time.sleep(chance.random() * 0.05)
            world.bank.kill()
            world.bank.start()
        # Sent again, as by somebody who never saw the answer.
        eventually(is_taken, SECONDS_MAX, world.bank.tail)
    for day in ("02", "04", "08", "10"):
        world.go_on_to(f"2026-12-{day}T12:00:00-05:00")
        time.sleep(chance.random() * 0.05)
        world.bank.kill()
        world.bank.start()
    world.wait_until_done()
    came_back = [each for each in made.values() if each in ("10001", "20009")]
    totals = world.bank.get("/books").json()["totals"]
    assert totals["ach_entries"] == len(made)
    assert totals["entries"] == 2 * (len(made) + len(came_back))
    told = Counter(named(each)[0] for each in world.answers())
    assert told == Counter(trace for trace, account in made.items() if asked[account] is not None)
    written = {file["name"] for file in world.files()["files"] if file["direction"] == "out"}
    eventually(
        lambda: {path.name for path in (world.drop / "inbox").iterdir()} == written, SECONDS_MAX, world.bank.tail
    )


def test_the_machines_clock_is_not_set(tmp_path: Path) -> None:
    bank: RailProcess = bank_process(tmp_path, speed=1)
    bank.start()
    try:
        assert bank.get("/clock").json()["can_be_set"] is False
        assert httpx.put(f"{bank.url}/clock", json={"step": True}).status_code == 409
    finally:
        bank.kill()
