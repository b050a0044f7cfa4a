"""The clock that a file sets: the machine's while the file is not there."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from business_clock.clock import SECOND_US, Clock, SystemClock, system_us
from business_clock.setting import Setting, read_setting

# A look costs a microsecond or two. A call sees a setting that is older than this, whatever else the machine does.
LOOK_S = 0.01

Mark = tuple[int, int, int]


class SettableClock:
    """Follows the file at `path`. For any thread. Every call may raise ClockUnreadable.

    It never runs backwards but in the two moments when a run of the clock begins and when it is handed back.
    """

    def __init__(
        self,
        path: Path,
        *,
        system_us: Callable[[], int] = system_us,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._system_us = system_us
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._mark: Mark | None = None
        self._setting: Setting | None = None
        self._sets = 0
        self._look_at_s = 0.0
        self._last_us = 0
        with self._lock:
            self._look()

    def now_us(self) -> int:
        with self._lock:
            self._look()
            return self._now_us()

    def system_us(self) -> int:
        return self._system_us()

    def dated_us(self, due_us: int) -> int:
        with self._lock:
            self._look()
            now_us = self._now_us()
            return now_us if self._setting is None else min(now_us, max(due_us, self._setting.from_us))

    def ahead_us(self, real_us: int) -> int:
        with self._lock:
            self._look()
            return self._now_us() + int(real_us * self._speed)

    def wait_s(self, at_us: int) -> float | None:
        with self._lock:
            self._look()
            left_us = at_us - self._now_us()
            if left_us <= 0:
                return 0.0
            return left_us / self._speed / SECOND_US if self._speed else None

    async def watch(self, on_set: Callable[[], None]) -> None:
        known = self._sets
        while True:
            await asyncio.sleep(LOOK_S)
            with self._lock:
                self._look()
            if self._sets != known:
                known = self._sets
                on_set()

    @property
    def _speed(self) -> float:
        return 1.0 if self._setting is None else self._setting.speed

    def _now_us(self) -> int:
        system_us = self._system_us()
        shown_us = system_us if self._setting is None else self._setting.shows_us(system_us)
        self._last_us = max(self._last_us, shown_us)
        return self._last_us

    def _look(self) -> None:
        now_s = self._monotonic_s()
        if now_s < self._look_at_s:
            return
        mark = self._mark_now()
        if mark != self._mark:
            self._take(read_setting(self._path))
            # Behind the reading: what cannot be read is read again, and complained of, at every look.
            self._mark = mark
        self._look_at_s = now_s + LOOK_S

    def _take(self, setting: Setting | None) -> None:
        if _run_of(setting) != _run_of(self._setting):
            self._last_us = 0
        self._setting = setting
        self._sets += 1

    def _mark_now(self) -> Mark | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116  Path.stat takes twice the time.
        except FileNotFoundError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size)


def clock_of(path: Path | None) -> Clock:
    """Return the clock of a process: the machine's, or the one that the file at `path` may set."""
    return SystemClock() if path is None else SettableClock(path)


def _run_of(setting: Setting | None) -> int | None:
    return None if setting is None else setting.from_us
