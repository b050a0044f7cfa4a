"""A backlog: commands that wait on Kafka are drained by the whole system, while new payments come and are answered.

The API takes the commands with `Prefer: respond-async` while everything behind the log is down. Then all of it starts,
and new payments are asked for at a low rate: half of the callers wait for the outcome, which stands behind the backlog,
so that they are told 202 when the bound of that wait is over; the others are told 202 at once. When all is drained each
new payment is asked for once more, by its id, and must be completed.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from bench.end_to_end_stage import ASYNC, Measure, Say, require_right, running
from bench.judge import RunDoesNotCount
from bench.latency import latency_ms
from bench.load import Load, Offer
from bench.over_time import SLICE_S, memory_figures, memory_series, rates
from bench.own_system import OwnSystem
from bench.part_stages import BEHIND_THE_LOG, FILL_S_MAX
from bench.phase import Bench, Watch
from bench.system import Post
from cli.settings import ApiSettings

MEMORY_EVERY_S = 5.0
# Of new payments: the generator's start costs half a second of CPU, so it stays for some of them.
ROUND_S = 20.0
RATE = 4.0
CALLERS = 32
# Commands of one load while the backlog is made: what is in memory of them at a time.
FILL_PAYMENTS = 100_000
# How long the API waits for an outcome, and a second for everything else that an answer needs.
BOUND_S = float(ApiSettings.model_fields["outcome_wait_s"].default) + 1.0
WAITING, AT_ONCE = "waiting", "respond_async"


class _Payment(msgspec.Struct):
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers:
    """How new payments are asked for while the backlog is drained."""

    rate: float = RATE
    round_s: float = ROUND_S


def backlog_stage(
    folder: Path, commands: int, measure: Measure, say: Say, newcomers: Newcomers | None = None
) -> dict[str, Any]:
    """Return the figures of a drain; raises RunDoesNotCount when a new payment has no answer, or anything is wrong."""
    system = OwnSystem(folder / "directpay")
    with running(system, say):
        for kind in BEHIND_THE_LOG:
            system.stack.stop_component(kind)
        bench = Bench(system, folder, to_the_end=False)
        waiting = _fill(bench, commands, measure, say)
        asked = _Asked(system, bench, folder, newcomers or Newcomers())
        before = system.finished()
        with Watch(system, memory_every_s=MEMORY_EVERY_S) as watch:
            began_s = time.monotonic()
            for kind in reversed(BEHIND_THE_LOG):
                system.stack.start_component(kind)
            ready_s = time.monotonic() - began_s
            while watch.reached(before + waiting) is None:
                asked.for_a_round()
                say(f"backlog: {watch.seen[-1][1] - before} of {waiting} drained, {asked.statuses} to new payments")
            ended_s = watch.wait(before + bench.accepted)
        asked.require_completed()
        require_right(system, bench.accepted, say)
    seconds, drained = ended_s - began_s, bench.accepted
    say(f"backlog: {drained / seconds:.0f} payments/s")
    return {
        "commands": waiting,
        "new_payments": drained - waiting,
        "seconds": round(seconds, 1),
        "ready_s": round(ready_s, 1),
        "payments_per_s": round(drained / seconds, 1),
        "slice_s": SLICE_S,
        "finished_per_s": rates(watch.seen, began_s, ended_s),
        "cpu_us_by_kind": {kind: round(cpu_s / drained * 1e6, 1) for kind, cpu_s in watch.cpu_s.items()},
        "resident_mib_by_kind": memory_figures(watch.memory),
        "resident_mib": memory_series(watch.memory, began_s),
        **asked.figures(),
    }


def _fill(bench: Bench, commands: int, measure: Measure, say: Say) -> int:
    """Return how many commands the API took: at least as many as were asked for."""
    batches = partial(bench.batches, size=measure.batch, connections=measure.batch_connections, headers=ASYNC)
    while (left := commands - bench.accepted) > 0:
        requests = -(-min(left, FILL_PAYMENTS) // measure.batch)
        batches(requests, seconds=FILL_S_MAX)
        say(f"backlog: {bench.accepted} of {commands} commands wait")
    return bench.accepted


class _Asked:
    """The new payments: asked for, one a request, every other one by a caller who does not wait."""

    def __init__(self, system: OwnSystem, bench: Bench, folder: Path, how: Newcomers) -> None:
        self.statuses: Counter[int] = Counter()
        self._system = system
        self._bench = bench
        self._folder = folder
        self._how = how
        self._numbers: list[int] = []
        self._latencies_us: dict[str, list[int]] = {WAITING: [], AT_ONCE: []}

    def for_a_round(self) -> None:
        """Ask for some, at the rate; raises RunDoesNotCount when one of them is not accepted."""
        numbers = self._bench.fresh(max(2, round(self._how.rate * self._how.round_s)))
        posts = [self._post(place, number) for place, number in enumerate(numbers)]
        load = Load(posts=posts, connections=CALLERS, seconds=self._how.round_s, rate=self._how.rate)
        for answer in Offer(self._system.url, load, self._folder).make().answers:
            self.statuses[answer.status] += 1
            if not answer.status or not self._system.accepted(answer.status, answer.body):
                raise RunDoesNotCount(f"a new payment was answered {answer.status} after {answer.latency_us} us")
            self._latencies_us[_way(answer.request)].append(answer.latency_us)
            self._bench.accepted += 1
        self._numbers += numbers

    def require_completed(self) -> None:
        """Ask for each by its id; raises RunDoesNotCount unless all are told to be completed."""
        posts = [self._system.looked_up(number) for number in self._numbers]
        load = Load(posts=posts, connections=CALLERS, seconds=FILL_S_MAX)
        told = Counter(
            msgspec.json.decode(answer.body, type=_Payment).status if answer.status == 200 else str(answer.status)
            for answer in Offer(self._system.url, load, self._folder).make().answers
        )
        if told != {"completed": len(self._numbers)}:
            raise RunDoesNotCount(f"new payments are told to be {dict(told)}")

    def figures(self) -> dict[str, Any]:
        """Return how they were answered: in milliseconds from when each was due, and how many beyond the bound."""
        late_us = round(BOUND_S * 1_000_000)
        return {
            "answers": {str(status): count for status, count in sorted(self.statuses.items())},
            "latency_ms": {way: latency_ms(us) for way, us in self._latencies_us.items()},
            "later_than_s": BOUND_S,
            "later": sum(each > late_us for us in self._latencies_us.values() for each in us),
        }

    def _post(self, place: int, number: int) -> Post:
        post = self._system.single(number)
        return post if _way(place) == WAITING else post.with_headers(ASYNC)


def _way(place: int) -> str:
    return AT_ONCE if place % 2 else WAITING
