"""An originator and the simulated bank on one folder, by one clock: whether what is due has reached the other side."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

import httpx

from business_clock import Setting, system_us, write_setting
from payments.windows import eastern
from rails.ach.phases import WAITING, Phase
from tests.integration.rail_processes import eventually
from tests.unit.rails.ach.written_log import at_us

SECONDS_MAX = 90.0
NINE = at_us("2026-12-01 09:00")
# Five minutes before a window closes.
CUT_OFFS = (time(10, 25), time(14, 40))


@dataclass(frozen=True, slots=True, kw_only=True)
class AchExchange:
    """The files between both, in the folder `drop`, and the clock in `folder`, which stands until it is set.

    `books` is the bank's SQLite file. Both may be down while nobody asks.
    """

    folder: Path
    drop: Path
    originator_url: str
    bank_url: str
    books: Path

    def go_on(self, to: str) -> None:
        """Set the clock, and wait until all that this makes due is done."""
        set_clock(self.folder, at_us(to))
        self.wait_until_quiet(at_us(to))

    def wait_until_quiet(self, now_us: int) -> None:
        # Twice: what was on its way while the first question was asked is seen by the second.
        eventually(lambda: self.is_quiet(now_us) and self.is_quiet(now_us), SECONDS_MAX, self.say)

    def is_quiet(self, now_us: int) -> bool:
        """Tell whether the files, answers and settlements that are due by now have reached the other side."""
        # Asked in the order in which they follow from each other: what has left one place is seen in the next.
        due_at_bank, counts = self._due_at_bank(now_us), self.at_bank("/files")["counts"]
        read = len(list((self.drop / "done").iterdir()))
        report = self.originated()
        # A file that is not handed in yet settles at no time.
        if any(each["settled_at_us"] is None and (each["settles_at_us"] or 0) <= now_us for each in report["files"]):
            return False
        if eastern(now_us).time() in CUT_OFFS and _phases(report).keys() & WAITING.keys():
            return False
        is_exchanged = counts["files_taken"] == len(report["files"]) and counts["files_written"] == read
        return bool(is_exchanged and due_at_bank == counts["answers_waiting"] == 0)

    def originated(self) -> dict[str, Any]:
        """What the originator shows of its book."""
        return _asked(f"{self.originator_url}/books")

    def phases(self) -> dict[Phase, int]:
        """How many payments stand where, by the originator's book."""
        return _phases(self.originated())

    def at_bank(self, path: str) -> dict[str, Any]:
        return _asked(f"{self.bank_url}{path}")

    def traces_at_bank(self) -> list[str]:
        """The trace number of every entry that the bank has taken."""
        with contextlib.closing(sqlite3.connect(self.books)) as books:
            return [row[0] for row in books.execute("SELECT trace_number FROM ach_entries")]

    def say(self) -> str:
        return f"{self.originated()}\n{self.at_bank('/files')['counts']}"

    def _due_at_bank(self, now_us: int) -> int:
        with contextlib.closing(sqlite3.connect(self.books)) as books:
            tables = ("ach_entries", "ach_disputes")
            due = [books.execute(f"SELECT count(*) FROM {each} WHERE next_at_us <= ?", (now_us,)) for each in tables]
            return sum(int(each.fetchone()[0]) for each in due)


def _asked(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(url, params={"limit": 1000}, timeout=20).json()
    return answer


def _phases(report: dict[str, Any]) -> dict[Phase, int]:
    return {Phase(each["phase"]): each["payments"] for each in report["phases"]}


def set_clock(folder: Path, us: int) -> None:
    """Set the clock of all that follow `folder`/clock.json; it begins at nine o'clock and stands."""
    write_setting(folder / "clock.json", Setting(set_by="a test", from_us=NINE, at_us=us, since_us=system_us()))
