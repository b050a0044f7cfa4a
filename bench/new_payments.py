"""New payments while a system is busy with others: each must be answered, and be completed when all is done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from bench.end_to_end_stage import ASYNC
from bench.judge import RunDoesNotCount
from bench.latency import latency_ms
from bench.load import Load, Offer
from bench.phase import Bench
from bench.system import Post, System
from cli.settings import ApiSettings

# The generator's start costs half a second of CPU, so it stays for some payments.
ROUND_S = 20.0
RATE = 4.0
CALLERS = 32
READ_S_MAX = 600.0
# How long the API waits for an outcome, and a second for everything else that an answer needs.
BOUND_S = float(ApiSettings.model_fields["outcome_wait_s"].default) + 1.0
WAITING, AT_ONCE = "waiting", "respond_async"


class Readable(System, Protocol):
    """A system that is asked about single payments."""

    def looked_up(self, number: int) -> Post:
        """Return the request that reads a payment by its id."""


class _Payment(msgspec.Struct):
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers:
    """How new payments are asked for: so many a second, in rounds of so many seconds."""

    rate: float = RATE
    round_s: float = ROUND_S


class NewPayments:
    """Asked for, one a request, every other one by a caller who does not wait for the outcome."""

    def __init__(self, system: Readable, bench: Bench, folder: Path, how: Newcomers) -> None:
        self._statuses: Counter[int] = Counter()
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
            self._statuses[answer.status] += 1
            if not answer.status or not self._system.accepted(answer.status, answer.body):
                raise RunDoesNotCount(f"a new payment was answered {answer.status} after {answer.latency_us} us")
            self._latencies_us[_way(answer.request)].append(answer.latency_us)
            self._bench.accepted += 1
        self._numbers += numbers

    @property
    def told(self) -> dict[str, int]:
        """How often each status was answered."""
        return {str(status): count for status, count in sorted(self._statuses.items())}

    def require_completed(self) -> None:
        """Ask for each by its id; raises RunDoesNotCount unless all are told to be completed."""
        posts = [self._system.looked_up(number) for number in self._numbers]
        load = Load(posts=posts, connections=CALLERS, seconds=READ_S_MAX)
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
            "answers": self.told,
            "latency_ms": {way: latency_ms(us) for way, us in self._latencies_us.items()},
            "later_than_s": BOUND_S,
            "later": sum(each > late_us for us in self._latencies_us.values() for each in us),
        }

    def _post(self, place: int, number: int) -> Post:
        post = self._system.single(number)
        return post if _way(place) == WAITING else post.with_headers(ASYNC)


def _way(place: int) -> str:
    return AT_ONCE if place % 2 else WAITING
