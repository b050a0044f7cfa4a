"""Whole systems, from a payment over HTTP to its terminal row in a database; ours, in turns with others or alone.

A turn: the system starts with new data, is warmed up, takes batches and single payments at saturation, then single
payments at a rate of which it is master, waiting for the outcome and not. Each phase ends when all its payments are at
their end in the database. Last the oracle looks at everything: a turn in which anything is wrong does not count.
All systems get the same number of connections; peers get smaller batches, since they are slower.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.judge import RunDoesNotCount
from bench.own_system import OwnSystem
from bench.phase import Bench, Phase
from bench.system import System
from bench.turns import ratio_median, ratio_worst, there_and_back

# What a saturated system could do at most in a phase, by what it did in the warm-up.
HEADROOM = 3
WARM_UP_REQUESTS = 10_000
WARM_UP_BATCHES = 100
# A rate near the capacity measures the queue, not the system: of a slower one it is this share of what it can.
OFFERED_SHARE = 0.7
PEER_BATCH = 100
ASYNC = {"Prefer": "respond-async"}

Say = Callable[[str], None]
Make = Callable[[Path], System]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How much is offered: seconds of each phase and of the warm-up's two, payments/s at the rate, payments a batch."""

    seconds: float = 20.0
    warm_up_s: float = 5.0
    rate: float = 300.0
    batch: int = 500
    batch_connections: int = 8
    connections: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One system's turn: its phases by name."""

    system: str
    phases: dict[str, Phase]


class CannotStart(Exception):
    """A system did not start; the text says why."""


def end_to_end_stage(
    ours: Sequence[Make], folder: Path, measure: Measure, say: Say, *, peers: Sequence[Make] = ()
) -> dict[str, Any]:
    """Return the figures of every turn, and how the first system compares; raises RunDoesNotCount or CannotStart.

    `ours` are the forms of ours (workers). A peer that cannot start, or whose oracle finds anything, is `missing` from
    there on, with the reason; ours raises.
    """
    turns: list[Turn] = []
    missing: dict[str, str] = {}
    unfit: set[Make] = set()
    for number, each in enumerate(there_and_back([*ours, *peers])):
        if each in unfit:
            continue
        place = folder / f"turn-{number}"
        place.mkdir()
        system = each(place)
        try:
            turns.append(take_turn(system, folder, measure if each in ours else _of_a_peer(measure), say))
        except (CannotStart, RunDoesNotCount) as error:
            if each in ours:
                raise
            unfit.add(each)
            missing[system.name] = str(error)
            say(f"{system.name} is missing: {error}")
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return {
        "rail_speed": OwnSystem.rail_speed,
        **compared(turns),
        "missing": missing,
        "turns": [asdict(each) for each in turns],
    }


def take_turn(system: System, folder: Path, measure: Measure, say: Say) -> Turn:
    """Let one system start, work and stop; raises CannotStart, or RunDoesNotCount when its oracle finds anything."""
    with running(system, say):
        bench = Bench(system, folder)
        phases = _phases(system, bench, measure, say)
        require_right(system, bench.accepted, say)
    return Turn(system=system.name, phases=phases)


@contextmanager
def running(system: System, say: Say) -> Iterator[None]:
    """Let a system run as long as this; raises CannotStart."""
    say(f"{system.name}: starting")
    try:
        try:
            system.start()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            raise CannotStart(f"{system.name}: {error}") from error
        yield
    finally:
        system.stop()


def require_right(system: System, accepted: int, say: Say) -> None:
    """Let the system's oracle look at everything; raises RunDoesNotCount when it finds anything."""
    say(f"{system.name}: the oracle looks at {accepted} payments")
    wrong = {kind: count for kind, count in system.faults(accepted).items() if count}
    if wrong:
        raise RunDoesNotCount(f"{system.name}: {wrong}")


def _phases(system: System, bench: Bench, measure: Measure, say: Say) -> dict[str, Phase]:
    singles = partial(bench.singles, connections=measure.connections)
    batches = partial(bench.batches, size=measure.batch, connections=measure.batch_connections)
    first = singles(WARM_UP_REQUESTS, seconds=measure.warm_up_s)
    second = batches(WARM_UP_BATCHES, seconds=measure.warm_up_s)
    phases: dict[str, Phase] = {}

    def note(name: str, phase: Phase) -> Phase:
        phases[name] = phase
        say(
            f"{system.name}, {name}: {phase.payments_per_s} payments/s, {phase.cpu_us} us of CPU a payment, "
            f"p50 {phase.latency_ms['p50']} ms, p99 {phase.latency_ms['p99']} ms, answers {phase.answers}"
        )
        return phase

    seconds = measure.seconds
    note("batch", batches(enough(second, seconds, measure.batch_connections), seconds=seconds))
    single = note("single", singles(enough(first, seconds, measure.connections), seconds=seconds))
    rate = round(min(measure.rate, OFFERED_SHARE * single.payments_per_s), 1)
    for name, headers in {"single_at_rate": {}, "single_at_rate_async": ASYNC}.items():
        note(name, singles(round(rate * seconds), seconds=seconds, rate=rate, headers=headers))
    return phases


def enough(seen: Phase, seconds: float, connections: int, *, headroom: float = HEADROOM) -> int:
    """Return more requests than a saturated system can finish in so many seconds.

    One that answers before it has done anything could take far more, and would then work on them for an hour.
    """
    return round(headroom * seen.finished_requests_per_s * seconds) + 2 * connections


def _of_a_peer(measure: Measure) -> Measure:
    return replace(measure, batch=min(measure.batch, PEER_BATCH))


def compared(turns: Sequence[Turn]) -> dict[str, Any]:
    """Return what each system did at saturation, and the first one's ratios beside every other.

    The worst ratio sets our slowest turn against their fastest; `cpu_ratio` is of the CPU time of all processes for a
    payment, which other work on the machine hardly moves.
    """
    names = list(dict.fromkeys(each.system for each in turns))
    own, *others = names
    saturated = {name: {mode: _rates(turns, name, mode) for mode in ("batch", "single")} for name in names}
    return {
        "payments_per_s": saturated,
        "beside": {
            name: {
                mode: {
                    "ratio_median": ratio_median(saturated[own][mode], saturated[name][mode]),
                    "ratio_worst": ratio_worst(saturated[own][mode], saturated[name][mode]),
                    "cpu_ratio": ratio_median(_cpu_us(turns, name, mode), _cpu_us(turns, own, mode)),
                }
                for mode in ("batch", "single")
            }
            for name in others
        },
    }


def _rates(turns: Sequence[Turn], name: str, mode: str) -> list[float]:
    return [each.phases[mode].payments_per_s for each in turns if each.system == name]


def _cpu_us(turns: Sequence[Turn], name: str, mode: str) -> list[float]:
    return [each.phases[mode].cpu_us for each in turns if each.system == name]
