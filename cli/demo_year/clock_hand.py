"""Whoever makes a year holds the stack's clock: takes it, steps it forward, hands it back."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

from business_clock import LOOK_S, ClockUnreadable, Setting, read_setting, remove_setting, system_us, write_setting
from cli.demo_year.data_set import DataSet, microseconds
from cli.demo_year.trouble import CannotBegin


class ClockHand:
    """The hand on the clock file of a stack."""

    def __init__(self, path: Path, data: DataSet) -> None:
        self._path = path
        self._from_us = microseconds(data.start)
        self._set_by = f"directpay demo-data ({data.name})"
        self._at_us = 0

    def require_free(self) -> bool:
        """Return whether it is set by an earlier run of the same data set; raises CannotBegin when by anybody else."""
        try:
            setting = read_setting(self._path)
        except ClockUnreadable as error:
            raise CannotBegin(str(error)) from None
        if setting is None:
            return False
        if setting.set_by != self._set_by:
            raise CannotBegin(
                f"The stack's clock is set by {setting.set_by}. Finish that, or remove {self._path} to hand the clock "
                f"back to the machine's."
            )
        return True

    def step(self, to: datetime) -> None:
        """Set the clock, forward only; when this returns, every process sees it at its next look."""
        self._at_us = max(self._at_us, self._from_us, microseconds(to))
        setting = Setting(set_by=self._set_by, from_us=self._from_us, at_us=self._at_us, since_us=system_us())
        write_setting(self._path, setting)
        # No call of a process believes what it saw longer ago than this.
        time.sleep(LOOK_S)

    def hand_back(self) -> None:
        remove_setting(self._path)
