"""A year is made: the directory, then the payments in the order of their time, the clock behind what is decided."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import islice

from cli.demo_year.clock_hand import ClockHand
from cli.demo_year.data_set import DataSet
from cli.demo_year.furnishing import Furnishing
from cli.demo_year.orders import Orders
from cli.demo_year.pipeline import Command, Pipeline
from cli.demo_year.planned import Fate, Planned, midnight_of
from cli.demo_year.progress_file import Progress, ProgressFile
from cli.demo_year.trouble import NoProgress, NotAsPlanned
from cli.demo_year.views import Found, Views
from cli.demo_year.year import Step, Year
from directory.sealing import Keyring
from kafka_log.batches import in_batches

# Sent, decided and made due together: large enough that waiting for the decision costs little.
STEPS_AT_ONCE = 500
ENTITIES_AT_ONCE = 2000
# So many may be due and not ended when the next are sent: the gateway and the bank always have work, and no backlog.
AT_WORK_MAX = 2000
POLL_S = 0.1
SAY_EVERY_S = 1.0
# Longer than a process's restart.
STILL_S_MAX = 60.0


class Making:
    """One run for one data set. `stopping` ends it early and in order: what was asked for by then comes to its end."""

    def __init__(
        self,
        data: DataSet,
        *,
        hand: ClockHand,
        pipeline: Pipeline,
        views: Views,
        keyring: Keyring,
        file: ProgressFile,
        progress: Progress,
        say: Callable[[str], None],
        stopping: threading.Event,
    ) -> None:
        self._data = data
        self._hand = hand
        self._pipeline = pipeline
        self._views = views
        self._furnishing = Furnishing(data, keyring)
        self._orders = Orders(data, self._furnishing)
        self._file = file
        self._progress = progress
        self._say = say
        self._stopping = stopping
        self._year = Year(data)
        self._payments = 0
        self._expected: Counter[Fate] = Counter()
        self._scheduled: list[Planned] = []

    def run(self) -> Found | None:
        """Return what the views show of the whole year, or None when it was stopped early.

        Raises NoProgress or NotAsPlanned, with the clock left where it is: running it again goes on.
        """
        self._say(f"{len(self._year.tenancies):,} leases, {self._year.rent_count:,} payments of rent")
        if not self._progress.is_furnished:
            self._furnish()
        if not self._pay():
            self._let_end()
            return None
        self._hand.step(self._data.until)
        found = self._wait_as_planned()
        self._hand.hand_back()
        self._progress = self._file.save(self._data, replace(self._progress, is_done=True))
        return found

    def _furnish(self) -> None:
        count = 0
        for commands in in_batches(self._furnishing.commands(self._year.tenancies), ENTITIES_AT_ONCE):
            self._pipeline.send(commands)
            count += len(commands)
        self._pipeline.wait_decided()
        self._say(f"{count:,} users, accounts, properties and leases are there")
        self._progress = self._file.save(self._data, replace(self._progress, is_furnished=True))

    def _pay(self) -> bool:
        """Send what is left of the plan; return False when that was stopped."""
        steps = self._year.steps()
        at = self._data.start
        for step, planned in islice(steps, self._progress.sent):
            at = step.at
            self._count(step, planned)
        if self._progress.sent:
            self._say(f"{self._payments:,} payments were made before; going on at {at:%d %B %Y}")
        self._hand.step(at)
        began, before, said_at = time.monotonic(), self._payments, time.monotonic()
        for group in in_batches(steps, STEPS_AT_ONCE):
            if self._stopping.is_set():
                return False
            at_work = self._make_due(group)
            if time.monotonic() - said_at > SAY_EVERY_S:
                said_at = time.monotonic()
                rate = (self._payments - before) / (said_at - began)
                self._say(
                    f"{group[-1][0].at:%d %B %Y}: {self._payments:,} of {self._data.payments:,} payments, "
                    f"{rate:,.0f} a second, {at_work:,} at work"
                )
        return True

    def _make_due(self, group: list[tuple[Step, Planned]]) -> int:
        """Ask for a group, and set the clock behind it when it is decided: so a cancel comes before what it cancels is
        due. Returns how many payments are at work."""
        self._pipeline.send([self._command(*each) for each in group])
        self._pipeline.wait_decided()
        for each in group:
            self._count(*each)
        self._progress = self._file.sent(self._data, self._progress, self._progress.sent + len(group))
        now = group[-1][0].at
        self._scheduled = [each for each in self._scheduled if midnight_of(each) > now]
        self._hand.step(now)
        return self._wait_for_room(now)

    def _command(self, step: Step, planned: Planned) -> Command:
        return self._orders.cancel(planned) if step.is_cancel else self._orders.pay(planned)

    def _count(self, step: Step, planned: Planned) -> None:
        if step.is_cancel:
            return
        self._payments += 1
        if (fate := planned.fate(self._data)) is not None:
            self._expected[fate] += 1
        if planned.effective_date is not None:
            self._scheduled.append(planned)

    def _wait_for_room(self, now: datetime) -> int:
        at_work = self._views.at_work(now)
        least, give_up_at = at_work, time.monotonic() + STILL_S_MAX
        while at_work > AT_WORK_MAX:
            if at_work < least:
                least, give_up_at = at_work, time.monotonic() + STILL_S_MAX
            if time.monotonic() > give_up_at:
                raise NoProgress(f"{at_work:,} payments are at work, and none has ended for {STILL_S_MAX:g} s")
            time.sleep(POLL_S)
            at_work = self._views.at_work(now)
        return at_work

    def _let_end(self) -> None:
        """Bring what was asked for to its end, in its own time, and hand the clock back: scheduled payments would be
        paid today otherwise."""
        self._say("Stopping: what was asked for comes to its end")
        self._pipeline.send([self._orders.cancel(each) for each in self._scheduled if each.cancel_at is not None])
        self._pipeline.wait_decided()
        self._hand.step(self._data.until)
        self._wait_as_planned()
        self._hand.hand_back()

    def _wait_as_planned(self) -> Found:
        """Return what the views show when it is what was planned of all that was sent."""
        found, changed_at = self._views.found(), time.monotonic()
        while (found.total, found.fates) != (self._payments, self._expected):
            if time.monotonic() > changed_at + STILL_S_MAX:
                raise NotAsPlanned(_differences(found, self._payments, self._expected))
            time.sleep(POLL_S)
            newer = self._views.found()
            if newer != found:
                found, changed_at = newer, time.monotonic()
        return found


def _differences(found: Found, payments: int, expected: Counter[Fate]) -> str:
    lines = [f"payments: {payments:,} asked for, {found.total:,} in the views"] if found.total != payments else []
    for fate in sorted({*expected, *found.fates}, key=str):
        if found.fates[fate] != expected[fate]:
            name = fate.status if fate.code is None else f"{fate.status} ({fate.code})"
            lines.append(f"{name}: {expected[fate]:,} planned, {found.fates[fate]:,} in the views")
    return "; ".join(lines)
