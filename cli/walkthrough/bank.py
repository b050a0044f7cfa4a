"""The simulated bank on the tour: its clock, the ACH files that it took and wrote, its statements."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import httpx

from cli.walkthrough.conversation import ANSWER_S_MAX, POLL_S, TourFailed

FILE_WAIT_S_MAX = 30.0  # Files in folders are looked at when nobody has written to them for 2 seconds.
BOOKING_WAIT_S_MAX = 30.0
# What the first column of a line says it is.
RECORDS = {
    "1": "file header",
    "5": "batch header",
    "6": "entry",
    "7": "addenda",
    "8": "batch control",
    "9": "file control",
}


class TourBank:
    """Speaks HTTP with the simulated bank; `say` receives each line to print."""

    def __init__(self, url: str, say: Callable[[str], None]) -> None:
        self._say = say
        self._http = httpx.Client(base_url=url, timeout=ANSWER_S_MAX)

    def close(self) -> None:
        self._http.close()

    def now(self) -> datetime:
        """Return what the clock of the bank shows, Eastern."""
        return datetime.fromisoformat(self._ask("GET", "/clock")["now_eastern"])

    def set_clock(self, to: datetime) -> None:
        """Set the clock of the bank, which every process of the stack follows; it stands there."""
        self._put_clock({"to": to.isoformat(), "speed": 0})

    def let_clock_run(self) -> None:
        """Let the clock go on from where it stands, as fast as any."""
        self._put_clock({"speed": 1})

    def wait_for_file(self, direction: str, number: int) -> bytes:
        """Return a file that the bank took ("in") or wrote ("out"), by its number from 1, once it is there."""
        deadline = time.monotonic() + FILE_WAIT_S_MAX
        while True:
            files = [each for each in self._ask("GET", "/files")["files"] if each["direction"] == direction]
            if len(files) >= number:
                break
            if time.monotonic() > deadline:
                found = f"{len(files)} files {direction}, not {number}"
                raise TourFailed(f"the bank has {found}, after {FILE_WAIT_S_MAX:g} s")
            time.sleep(POLL_S)
        name = files[-number]["name"]  # The newest come first.
        self._say(f"   GET (the bank's) /files/{name}")
        data = self._http.get(f"/files/{name}").content
        self._show(data)
        return data

    def standing(self, reference: str) -> str:
        """Ask the bank, as the gateway does, what has become of a transfer, and return its word."""
        question = {"references": [reference]}
        self._say(f"   POST (the bank's) /transfers/ask {json.dumps(question)}")
        (answer,) = self._ask("POST", "/transfers/ask", json=question)["answers"]
        self._say(f"   < {json.dumps(answer)}")
        standing: str = answer["standing"]
        return standing

    def wait_for_booking(self, day: date, reference: str) -> bytes:
        """Return the day's statement as a table once a transfer is booked in it, and show those lines."""
        deadline = time.monotonic() + BOOKING_WAIT_S_MAX
        while reference.encode() not in (statement := self.statement(day, "csv")):
            if time.monotonic() > deadline:
                raise TourFailed(f"the bank has not booked {reference} after {BOOKING_WAIT_S_MAX:g} s")
            time.sleep(POLL_S)
        self._say(f"   GET (the bank's) {_statement_path(day, 'csv')}")
        for line in filter(lambda line: reference in line, statement.decode().splitlines()):
            self._say(f"      {line.rstrip(',')}")
        return statement

    def statement(self, day: date, form: str) -> bytes:
        """Return what the bank has booked on a day, account by account; empty while that is nothing."""
        answer = self._http.get(_statement_path(day, form))
        if answer.status_code == 404:
            return b""
        if answer.status_code != 200:
            raise TourFailed(f"GET /statements answered {answer.status_code}, not 200: {answer.text}")
        return answer.content

    def _put_clock(self, wanted: dict[str, Any]) -> None:
        self._say(f"   PUT (the bank's) /clock {json.dumps(wanted)}")
        self._ask("PUT", "/clock", json=wanted)

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        answer = self._http.request(method, path, **content)
        if answer.status_code != 200:
            raise TourFailed(f"{method} {path} answered {answer.status_code}, not 200: {answer.text}")
        return answer.json()

    def _show(self, data: bytes) -> None:
        lines = data.decode("ascii").splitlines()
        # A file is filled with 9s to blocks of ten lines.
        for line in filter(lambda line: line.strip("9"), lines):
            self._say(f"      {RECORDS[line[0]]:<13} {line}")


def _statement_path(day: date, form: str) -> str:
    return f"/statements?date={day}&format={form}"
