"""An originator's desk and the simulated bank's books with files going between them, on a clock in the test's hand."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

from rails.ach.file_desk import Terms
from rails.ach.payment_file import file_name
from tests.unit.rails.ach.desk_in_hand import DeskInHand
from tests.unit.rails.ach.written_log import built
from tests.unit.rails.ach_bank.sent_files import Bank
from tests.unit.rails.nacha.independent_checker import check


class ExchangeInHand(DeskInHand):
    """Each file is handed over as soon as it is made, and judged by a checker that shares no code with the writer."""

    def __init__(self, folder: Path, start_us: int, terms: Terms) -> None:
        super().__init__(start_us, terms)
        self.bank = Bank(folder)
        self._heard = 0  # How many files of the bank's were read.

    def go_on(self, until_us: int) -> None:
        while True:
            # What the bank says comes first: what came back must not count as money that came.
            self.bank.work(self.clock.us)
            self._hear()
            due_us = self.desk.do_next()
            self._hand_over()
            if due_us is not None and due_us <= self.clock.us:
                continue
            ahead = [each for each in (due_us, self.bank.files.next_due_us()) if each is not None]
            if not ahead or min(ahead) > until_us:
                break
            self.clock.us = min(ahead)
        self.clock.us = until_us

    def close(self) -> None:
        super().close()
        self.bank.books.close()

    def _hand_over(self) -> None:
        for file_number in self.reading.undelivered():
            filed = self.reading.file(file_number)
            assert filed is not None
            data = built(self.reading, file_number)
            assert check(data) == []
            self.bank.take(data, file_name(filed.cut_off), at=self.clock.us)
            self.desk.delivered(file_number, hashlib.sha256(data).digest())

    def _hear(self) -> None:
        rows = [row for row in self.bank.files.report(before=2**62, limit=1000)["files"] if row["direction"] == "out"]
        for row in list(reversed(rows))[self._heard :]:
            data = self.bank.files.file(row["name"])
            assert data is not None
            assert check(data) == []
            self.desk.record_answers(BytesIO(data), hashlib.sha256(data).digest())
            self._heard += 1
