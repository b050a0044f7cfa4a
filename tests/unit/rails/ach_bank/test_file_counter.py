"""The bank at work on files, from folders and by a clock that is set."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from business_clock import SettableClock, Setting, system_us, write_setting
from rails.ach.bank_answers import faults_of
from rails.ach.file_drop import QUIET_S, FolderDrop
from rails.simulated.ach.deposit import BrokenFile
from rails.simulated.ach.file_books import FileBooks
from rails.simulated.ach.file_counter import FileCounter
from rails.simulated.ach.injected_faults import Outages
from rails.simulated.books import Books
from rails.simulated.teller import Teller
from tests.unit.rails.ach.originator_in_hand import in_a_loop, until
from tests.unit.rails.ach.written_log import at_us
from tests.unit.rails.ach_bank.sent_files import MONDAY, TUESDAY_MORNING, debits_of, sent

NAME = "20261130-A-standard_ach-00000001.ach"
MIDNIGHT = at_us("2026-11-30 00:00")


class World:
    """What survives the bank's end: its books, the originator's folders, and the clock, which stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.set_clock(MONDAY)
        self.outage: tuple[int, int] | None = None
        self.drop = folder / "drop"

    def set_clock(self, us: int) -> None:
        setting = Setting(set_by="a test", from_us=MIDNIGHT, at_us=us, since_us=system_us())
        write_setting(self.folder / "clock.json", setting)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[FileCounter]:
        clock = SettableClock(self.folder / "clock.json")
        books = Books(self.folder / "books.sqlite", speed=1)
        teller = Teller(books, clock)
        drop = FolderDrop(self.drop, for_bank=True)
        outages = Outages([] if self.outage is None else [self.outage])
        counter = FileCounter(FileBooks(books), clock, teller.run, drop, lambda: outages)
        working = asyncio.gather(counter.work(), counter.watch_clock())
        try:
            yield counter
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await teller.close()

    def hand_in(self, name: str, data: bytes) -> None:
        """Put a file into the originator's outbox that nobody has written to for a while."""
        path = self.drop / "outbox" / name
        path.write_bytes(data)
        long_ago = path.stat().st_mtime - 2 * QUIET_S
        os.utime(path, (long_ago, long_ago))

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.drop / folder).iterdir())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@in_a_loop
async def test_a_file_in_the_outbox_is_taken_and_answered_in_the_inbox(world: World) -> None:
    async with world.open():
        world.hand_in(NAME, sent(*debits_of("10001", "111111")))
        await until(lambda: world.names("bank/done") == [NAME])
        assert world.names("outbox") == world.names("inbox") == []
        world.set_clock(TUESDAY_MORNING)
        await until(lambda: len(world.names("inbox")) == 1)
        [name] = world.names("inbox")
        with (world.drop / "inbox" / name).open("rb") as file:
            assert faults_of(file) == []


@in_a_loop
async def test_a_file_is_dated_when_it_was_made_when_the_clock_has_jumped_since(world: World) -> None:
    # Made at 9:05 on Monday, for Tuesday; the bank sees it on Thursday.
    world.set_clock(at_us("2026-12-03 12:00"))
    async with world.open() as counter:
        world.hand_in(NAME, sent(*debits_of("10001", "20001")))
        await until(lambda: len(world.names("inbox")) == 2)
        report = await counter.report(before=2**62, limit=10)
        second, first, came = report["files"]
        assert came["at_us"] == at_us("2026-11-30 09:06") - 1
        assert (first["at_us"], second["at_us"]) == (TUESDAY_MORNING, at_us("2026-12-03 08:30"))


@in_a_loop
async def test_a_file_that_was_made_in_an_outage_comes_behind_it(world: World) -> None:
    world.set_clock(at_us("2026-11-30 12:00"))
    world.outage = (at_us("2026-11-30 09:00"), at_us("2026-11-30 10:40"))
    async with world.open() as counter:
        world.hand_in(NAME, sent(*debits_of("111111"), effective_on=date(2026, 11, 30)))
        await until(lambda: world.names("bank/done") == [NAME])
        [came] = (await counter.report(before=2**62, limit=10))["files"]
        assert came["at_us"] == at_us("2026-11-30 10:40")
        assert await counter.next_due_us() == at_us("2026-11-30 17:00")


@in_a_loop
async def test_no_file_is_fetched_or_handed_over_in_an_outage(world: World) -> None:
    world.outage = (MONDAY, at_us("2026-12-01 12:00"))
    async with world.open() as counter:
        await counter.put("payments.ach", sent(*debits_of("10001")))
        world.hand_in(NAME, sent(*debits_of("111111"), file_id="B"))
        world.set_clock(at_us("2026-12-01 11:59"))
        while not (await counter.report(before=2**62, limit=10))["counts"]["files_written"]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        assert world.names("inbox") == []
        assert world.names("outbox") == [NAME]
        world.set_clock(at_us("2026-12-01 12:00"))
        await until(lambda: world.names("outbox") == [] and len(world.names("inbox")) == 1)


@in_a_loop
async def test_a_file_over_http_comes_when_it_comes(world: World) -> None:
    world.set_clock(at_us("2026-12-03 12:00"))
    async with world.open() as counter:
        taken = await counter.put("payments.ach", sent(*debits_of("111111")))
        assert taken.received_at_us == at_us("2026-12-03 12:00")
        assert await counter.next_due_us() == at_us("2026-12-03 17:00")


@in_a_loop
async def test_a_file_that_is_refused_lies_aside_with_its_faults(world: World) -> None:
    async with world.open() as counter:
        world.hand_in(NAME, sent(*debits_of("111111")).replace(b"111111", b"11\x00111", 1))
        world.hand_in("bank-x.ach", sent(*debits_of("111111")))
        await until(lambda: len(world.names("bank/refused")) == 4)
        assert world.names("outbox") == []
        faults = (world.drop / "bank" / "refused" / f"{NAME}.faults.txt").read_text()
        assert "line 3" in faults
        assert "dfi_account_number" in faults
        refused = (await counter.report(before=2**62, limit=10))["refused"]
        assert {each["name"] for each in refused} == {NAME, "bank-x.ach"}
        with pytest.raises(BrokenFile):
            await counter.put("other.ach", b"no file")


@in_a_loop
async def test_a_file_that_was_taken_and_lies_there_again_changes_nothing(world: World) -> None:
    data = sent(*debits_of("10001"))
    async with world.open():
        world.hand_in(NAME, data)
        await until(lambda: world.names("bank/done") == [NAME])
    # As when the bank ended after it took the file, and before it put the file aside.
    world.hand_in(NAME, data)
    world.set_clock(TUESDAY_MORNING)
    async with world.open() as counter:
        await until(lambda: not world.names("outbox") and len(world.names("inbox")) == 1)
        counts = (await counter.report(before=2**62, limit=10))["counts"]
        assert (counts["files_taken"], counts["answers"]) == (1, 1)
    fetched = world.drop / "inbox" / world.names("inbox")[0]
    fetched.unlink()
    async with world.open():
        # The originator has fetched the answers: they are not handed over a second time.
        world.hand_in("b.ach", sent(*debits_of("111111"), file_id="B"))
        await until(lambda: "b.ach" in world.names("bank/done"))
        assert world.names("inbox") == []
