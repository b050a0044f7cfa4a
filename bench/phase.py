"""One phase of a measure: a load is offered to a system, and what came of it and what it took is told."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType

from bench.judge import RunDoesNotCount
from bench.latency import latency_ms, quantile
from bench.load import Load, Offer
from bench.open_loop import NO_ANSWER, Answer, Result
from bench.over_time import Counted, Resident, rates
from bench.process_times import ProcessTimes
from bench.system import Post, System

# The end of a phase is known within this; asking costs the system's database a few hundredths of a core.
LOOK_S = 0.2
STANDSTILL_S_MAX = 120.0
OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Figures of one phase. `payments` were accepted, of those that were asked for `not_accepted` were not.

    `payments_per_s` is from the first request until all are terminal in the database, of which `drain_s` is after the
    last answer (or only until that answer, where a part of the system is measured; payments are answers where nothing
    is paid). `finished_per_s` is how many became terminal in each 10 s (over_time.py). CPU times are of all processes
    of the system, the generator's apart, for one payment; memory is that before and at the end, in MiB; `disk_bytes` is
    what a payment added to each store. `latency_ms` is of accepted requests; at a rate it counts from the time at which
    a request was due. `late_ms_p99` is how much later than that they were sent.
    """

    payments: int
    not_accepted: int
    payments_per_request: int
    connections: int
    offered_per_s: float | None
    seconds: float
    payments_per_s: float
    drain_s: float
    finished_per_s: list[float]
    latency_ms: dict[str, float]
    late_ms_p99: float
    answers: dict[str, int]
    cpu_us: float
    cpu_us_by_kind: dict[str, float]
    cpu_percent_by_kind: dict[str, float]
    generator_cpu_us: float
    resident_mib_by_kind_before: dict[str, int]
    resident_mib_by_kind: dict[str, int]
    disk_bytes: dict[str, int]

    @property
    def finished_requests_per_s(self) -> float:
        """Return how many requests a second came to their end, to size the next load."""
        return self.payments_per_s / self.payments_per_request

    @property
    def accepted_requests_per_s(self) -> float:
        """Return how many requests a second were answered while they were offered."""
        return self.payments / self.payments_per_request / max(self.seconds - self.drain_s, LOOK_S)


class Bench:
    """Offers loads to a running system, each payment with a number of its own; `accepted` counts them all.

    With `to_the_end` a phase ends when its payments are at their end in the database, else when all are answered.
    """

    def __init__(self, system: System, folder: Path, *, to_the_end: bool = True) -> None:
        self.accepted = 0
        self._system = system
        self._folder = folder
        self._to_the_end = to_the_end
        self._numbers = count()

    def fresh(self, payments: int) -> list[int]:
        """Return the numbers of payments that nobody has asked for: of `accepted` whoever asks for them counts them."""
        return [next(self._numbers) for _ in range(payments)]

    def singles(
        self,
        requests: int,
        *,
        connections: int,
        seconds: float,
        rate: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Phase:
        """Offer at most so many payments, one a request; `headers` come on top of the system's own."""
        posts = [self._system.single(number).with_headers(headers or {}) for number in self.fresh(requests)]
        return self._pay(Load(posts=posts, connections=connections, seconds=seconds, rate=rate), 1)

    def batches(
        self, requests: int, *, size: int, connections: int, seconds: float, headers: Mapping[str, str] | None = None
    ) -> Phase:
        """Offer at most so many requests of `size` payments each, as fast as they are answered."""
        posts = [self._system.batch(self.fresh(size)).with_headers(headers or {}) for _ in range(requests)]
        return self._pay(Load(posts=posts, connections=connections, seconds=seconds), size)

    def questions(self, posts: Sequence[Post], *, connections: int, seconds: float, rate: float | None = None) -> Phase:
        """Offer requests that pay nothing; a 200 is what they are to be answered with."""
        load = Load(posts=posts, connections=connections, seconds=seconds, rate=rate)
        return self._run(load, 1, lambda status, _body: int(status == OK), to_the_end=False)

    def _pay(self, load: Load, payments_per_request: int) -> Phase:
        phase = self._run(load, payments_per_request, self._system.accepted, to_the_end=self._to_the_end)
        self.accepted += phase.payments
        return phase

    def _run(
        self, load: Load, payments_per_request: int, accepted: Callable[[int, bytes], int], *, to_the_end: bool
    ) -> Phase:
        system = self._system
        offer = Offer(system.url, load, self._folder)
        before, disk_before = system.finished(), system.disk_bytes()
        with Watch(system) as watch:
            heard = offer.make()
            if not to_the_end:
                watch.end()
            took_in = [accepted(each.status, each.body) if each.status else 0 for each in heard.answers]
            if not sum(took_in):
                raise RunDoesNotCount(f"{system.name} accepted nothing: {_statuses(heard.answers)}")
            ended_s = watch.wait(before + sum(took_in)) if to_the_end else heard.ended_s
        return _phase(
            load,
            heard,
            payments_per_request=payments_per_request,
            latencies_us=[each.latency_us for each, some in zip(heard.answers, took_in, strict=True) if some],
            payments=sum(took_in),
            ended_s=ended_s,
            watch=watch,
            disk={name: size - disk_before[name] for name, size in system.disk_bytes().items()},
        )


class Watch:
    """Looks at a system while it works: how many payments are at their end, and what its processes use.

    With `memory_every_s` it looks at their memory too, so often; a look takes some ten milliseconds of CPU time.
    """

    def __init__(self, system: System, *, memory_every_s: float | None = None) -> None:
        self.cpu_s: dict[str, float] = {}
        self.resident_mib_before: dict[str, int] = {}
        self.resident_mib: dict[str, int] = {}
        self.seen: list[Counted] = []
        self.memory: list[Resident] = []
        self._system = system
        self._memory_every_s = memory_every_s
        self._times = ProcessTimes(system.pids)
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> Watch:
        self._times.look()
        self._before = self._times.cpu_s()
        self.resident_mib_before = self._times.resident_mib()
        self.seen.append((time.monotonic(), self._system.finished()))
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def wait(self, count: int) -> float:
        """Return when so many payments were seen at their end (monotonic); raises RunDoesNotCount when that stops."""
        while (reached_s := self.reached(count)) is None:
            time.sleep(LOOK_S)
        self.end()
        return reached_s

    def reached(self, count: int) -> float | None:
        """Return when so many were first seen at their end, None before; raises RunDoesNotCount when that stops."""
        if self.seen[-1][1] >= count:
            return next(at_s for at_s, seen in self.seen if seen >= count)
        if self._failure is not None:
            raise self._failure
        if self.seen[-1][0] - self._moved_s() > STANDSTILL_S_MAX:
            raise RunDoesNotCount(f"{self.seen[-1][1]} payments came to their end, not {count}")
        return None

    def end(self) -> None:
        """Take the figures as they are now, and look no more."""
        self._stop.set()
        self._thread.join()
        self._times.look()
        self.cpu_s = {kind: after - self._before.get(kind, 0.0) for kind, after in self._times.cpu_s().items()}
        self.resident_mib = self._times.resident_mib()

    def _moved_s(self) -> float:
        """Return when the present number of finished payments was first seen."""
        last = self.seen[-1][1]
        return next(at_s for at_s, seen in self.seen if seen == last)

    def _look(self) -> None:
        try:
            while not self._stop.wait(LOOK_S):
                finished = self._system.finished()
                self.seen.append((time.monotonic(), finished))
                self._times.look()
                self._look_at_memory()
        except Exception as error:
            self._failure = error

    def _look_at_memory(self) -> None:
        now_s, every_s = time.monotonic(), self._memory_every_s
        if every_s is not None and (not self.memory or now_s - self.memory[-1][0] >= every_s):
            self.memory.append((now_s, self._times.resident_mib()))


def _phase(
    load: Load,
    heard: Result,
    *,
    payments_per_request: int,
    latencies_us: Sequence[int],
    payments: int,
    ended_s: float,
    watch: Watch,
    disk: Mapping[str, int],
) -> Phase:
    seconds, cpu_s = ended_s - heard.began_s, sum(watch.cpu_s.values())
    by_kind = sorted(watch.cpu_s.items(), key=lambda pair: -pair[1])
    return Phase(
        payments=payments,
        not_accepted=payments_per_request * len(heard.answers) - payments,
        payments_per_request=payments_per_request,
        connections=load.connections,
        offered_per_s=load.rate,
        seconds=round(seconds, 2),
        payments_per_s=round(payments / seconds, 1),
        drain_s=round(max(0.0, ended_s - heard.ended_s), 2),
        finished_per_s=rates(watch.seen, heard.began_s, ended_s),
        latency_ms=latency_ms(latencies_us),
        late_ms_p99=round(quantile(sorted(each.late_us for each in heard.answers), 0.99) / 1000, 1),
        answers=_statuses(heard.answers),
        cpu_us=_us(cpu_s, payments),
        cpu_us_by_kind={kind: _us(value, payments) for kind, value in by_kind},
        cpu_percent_by_kind={kind: round(100 * value / cpu_s, 1) for kind, value in by_kind} if cpu_s else {},
        generator_cpu_us=_us(heard.cpu_s, payments),
        resident_mib_by_kind_before=watch.resident_mib_before,
        resident_mib_by_kind=watch.resident_mib,
        disk_bytes={name: round(size / payments) for name, size in disk.items()},
    )


def _us(cpu_s: float, payments: int) -> float:
    return round(cpu_s / payments * 1_000_000, 1)


def _statuses(answers: Sequence[Answer]) -> dict[str, int]:
    """Return how often each status was answered; `none` is a request without an answer."""
    counts = Counter("none" if each.status == NO_ANSWER else str(each.status) for each in answers)
    return dict(sorted(counts.items()))
