"""Which fault hits what, and when: a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

# The groups' session time-out is 10 s: whoever sleeps longer has lost its partitions when it wakes.
PAUSE_S = (11.0, 16.0)
STOP_S = (2.0, 8.0)
TAMPER_S = (0.0, 2.0)
FULL_S = (3.0, 10.0)
# The first and the last payments go undisturbed, so that the end of the load is no fault of its own.
QUIET_SHARE = 0.04


class FaultKind(StrEnum):
    """What is done to a process."""

    KILL = "kill"  # kill -9; the supervisor starts it again.
    PAUSE = "pause"  # SIGSTOP for longer than the session time-out, then SIGCONT.
    STOP = "stop"  # Stopped in order, and started some seconds later.
    LEAVE = "leave"  # A worker leaves its group for so long that others take over, and joins again.
    WIPE = "wipe"  # Its state directory is deleted while it is down.
    CORRUPT = "corrupt"  # Its state directory is overwritten with garbage while it is down.
    FULL = "full"  # Its disk has no room for some seconds: no file of it grows, however often it is started again.


Pair = tuple[FaultKind, str]


class NoSuchFault(Exception):
    """No fault that was asked for can happen on this stack."""


HITS: Mapping[FaultKind, frozenset[str]] = {
    FaultKind.KILL: frozenset({"api", "stream", "rails", "bank", "projector", "kafka", "postgres"}),
    FaultKind.PAUSE: frozenset({"api", "stream", "rails", "bank", "projector", "kafka", "postgres"}),
    FaultKind.STOP: frozenset({"api", "stream", "rails", "bank", "projector", "kafka", "postgres"}),
    FaultKind.LEAVE: frozenset({"stream"}),
    # Not the bank: its books are the one thing that cannot be had again.
    FaultKind.WIPE: frozenset({"stream", "rails"}),
    FaultKind.CORRUPT: frozenset({"stream", "rails"}),
    FaultKind.FULL: frozenset({"stream", "rails"}),
}
_LASTS_S = {
    FaultKind.KILL: (0.0, 0.0),
    FaultKind.PAUSE: PAUSE_S,
    FaultKind.STOP: STOP_S,
    FaultKind.LEAVE: PAUSE_S,
    FaultKind.WIPE: TAMPER_S,
    FaultKind.CORRUPT: TAMPER_S,
    FaultKind.FULL: FULL_S,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: `target` (a component's name) is hit `at_s` seconds after the load began, for `lasts_s` seconds."""

    number: int
    at_s: float
    kind: FaultKind
    target: str
    lasts_s: float


def schedule(
    seed: int, *, faults: int, over_s: float, components: Mapping[str, str], only: Sequence[str] = ()
) -> list[Fault]:
    """Return the faults in the order of their time; `components` are kinds by name ("stream-1": "stream").

    Every kind of fault hits every component that it can before any is hit so a second time. Faults may overlap.
    `only` leaves out all but these: a kind ("pause") or a kind and a component or its kind ("pause:stream").
    Raises NoSuchFault when nothing is left.
    """
    chance = random.Random(f"faults {seed}")
    begin_s, span_s = over_s * QUIET_SHARE, over_s * (1 - 2 * QUIET_SHARE)
    planned = []
    for number, (kind, target) in enumerate(_deck(chance, faults, pairs(components, only))):
        slot_s = span_s / faults
        planned.append(
            Fault(
                number=number,
                at_s=begin_s + slot_s * (number + chance.random()),
                kind=kind,
                target=target,
                lasts_s=chance.uniform(*_LASTS_S[kind]),
            )
        )
    return planned


def pairs(components: Mapping[str, str], only: Sequence[str] = ()) -> list[Pair]:
    """Return every fault that is possible here, and wanted."""
    return [
        (kind, name)
        for kind, kinds_hit in HITS.items()
        for name, kind_of in sorted(components.items())
        if kind_of in kinds_hit and (not only or {kind, f"{kind}:{name}", f"{kind}:{kind_of}"} & set(only))
    ]


def _deck(chance: random.Random, faults: int, possible: Sequence[Pair]) -> Iterable[Pair]:
    drawn: list[Pair] = []
    if not possible:
        raise NoSuchFault
    while len(drawn) < faults:
        deck = list(possible)
        chance.shuffle(deck)
        drawn += deck
    return drawn[:faults]
