"""A desk that takes, cuts off and settles on a clock in the test's hand, without an originator's threads."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rails.ach.file_desk import FileDesk, Terms
from schemas.origination import AchCutOff, AchRecord
from tests.unit.rails.ach.originator_in_hand import TERMS, LogInHand
from tests.unit.rails.set_clock import SetClock


class DeskInHand:
    """A desk whose files are handed in as soon as they are cut off."""

    def __init__(self, start_us: int, terms: Terms = TERMS) -> None:
        self.records: list[AchRecord] = []
        self.clock = SetClock(start_us)
        self._folder = tempfile.TemporaryDirectory()
        self._log = LogInHand(self.records, Path(self._folder.name) / "book.sqlite")
        self.reading = self._log.reading
        self.desk = FileDesk(self._log, terms, self.clock)

    def go_on(self, until_us: int) -> None:
        """Do what is due until then, each thing when it is due, or now if that was earlier."""
        while True:
            for file_number in self.reading.undelivered():
                self.desk.delivered(file_number, b"h" * 32)
            due_us = self.desk.do_next()
            if due_us is None or due_us > until_us:
                break
            self.clock.us = max(self.clock.us, due_us)
        self.clock.us = until_us

    def write(self, *records: AchRecord) -> None:
        self._log.append(records)

    def close(self) -> None:
        self._log.close()
        self._folder.cleanup()

    @property
    def cut_offs(self) -> list[AchCutOff]:
        return [each for each in self.records if isinstance(each, AchCutOff)]
