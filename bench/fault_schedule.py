"""Which fault comes when: a pure function of the seed, the same for every contestant."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

# Longer than the group's session time-out of 10 s: who is away or sleeps so long has lost its partitions then.
AWAY_S = (12.0, 14.0)
JOINED_S = (6.0, 9.0)
# At the load's begin and end nothing happens, so that neither is a fault of its own.
QUIET_S = 2.0
BROKEN_SHARE = 0.02
WORKERS = ("stream-0", "stream-1")
GUEST = "stream-2"


class Act(StrEnum):
    """One kind of fault, under a load of its own, so that what goes wrong has one cause."""

    KILL = "kill -9"
    TAKEOVER = "kill -9, others take over"
    REBALANCE = "a worker joins and leaves"
    PAUSE = "SIGSTOP, then SIGCONT"
    EXCEPTION = "the rule raises"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`worker` is hit `at_s` seconds after the load began; what has an end lasts `lasts_s`."""

    at_s: float
    worker: str
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """An act's faults in the order of their time, and the numbers of the payments for which the rule raises."""

    act: Act
    faults: tuple[Fault, ...] = ()
    breaks: frozenset[int] = frozenset()


# How many seconds of load there are for each fault: others must have had time to recover.
_EVERY_S = {Act.KILL: 6.0, Act.TAKEOVER: 24.0, Act.REBALANCE: 16.0, Act.PAUSE: 24.0}


def scripts(seed: int, *, payments: int, over_s: float) -> list[Script]:
    """Return the acts of a run whose load takes `over_s` seconds an act."""
    return [_script(act, random.Random(f"{act} {seed}"), payments, over_s) for act in Act]


def _script(act: Act, chance: random.Random, payments: int, over_s: float) -> Script:
    if act is Act.EXCEPTION:
        return Script(act=act, breaks=frozenset(chance.sample(range(payments), max(1, int(payments * BROKEN_SHARE)))))
    count = max(1, int((over_s - QUIET_S) // _EVERY_S[act]))
    slot_s = max(0.0, over_s - 2 * QUIET_S) / count
    # In the first half of its slot, so that there is time for it to end before the next.
    times = [QUIET_S + slot_s * (number + chance.random() / 2) for number in range(count)]
    return Script(act=act, faults=tuple(_fault(act, chance, at_s) for at_s in times))


def _fault(act: Act, chance: random.Random, at_s: float) -> Fault:
    match act:
        case Act.REBALANCE:
            return Fault(at_s=at_s, worker=GUEST, lasts_s=chance.uniform(*JOINED_S))
        case Act.TAKEOVER | Act.PAUSE:
            return Fault(at_s=at_s, worker=chance.choice(WORKERS), lasts_s=chance.uniform(*AWAY_S))
        case _:
            return Fault(at_s=at_s, worker=chance.choice(WORKERS))
