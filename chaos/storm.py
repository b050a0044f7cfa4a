"""The storm: the scheduled faults at their times, each followed until the stack works again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chaos.canary import Canaries
from chaos.faults import Faults, WouldNotStart
from chaos.oracle.violation import Kind, Violation
from chaos.schedule import Fault

# After the last of several overlapping faults everything must be up again: restarts with backoff, restore, catch-up.
RECOVERY_S_MAX = 120.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A fault as it went: `recovered_s` from its end to the first canaries completed, None when they were not."""

    fault: Fault
    begun_at_us: int
    recovered_s: float | None


class Storm:
    """Carries the schedule out; `hits` and `violations` are what came of it. Every hit is a line of the file `path`."""

    def __init__(self, faults: Faults, canaries: Canaries, path: Path, *, say: Say) -> None:
        self.hits: list[Hit] = []
        self.violations: list[Violation] = []
        self.missed = 0
        self._faults = faults
        self._canaries = canaries
        self._path = path
        self._say = say

    async def rage(self, schedule: Sequence[Fault]) -> None:
        """Return when every fault is over and recovered from, or RECOVERY_S_MAX has passed since."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for fault in schedule:
                await asyncio.sleep(max(0.0, began + fault.at_s - time.monotonic()))
                group.create_task(self._hit(fault))

    def counts(self) -> dict[str, int]:
        """Return how many faults of each kind were carried out."""
        return dict(sorted(Counter(f"{hit.fault.kind} {hit.fault.target}" for hit in self.hits).items()))

    async def _hit(self, fault: Fault) -> None:
        begun_at_us = time.time_ns() // 1000
        name = f"fault {fault.number}: {fault.kind} {fault.target}"
        self._say(f"{name} ({fault.lasts_s:.1f} s)")
        try:
            ended = await asyncio.to_thread(self._faults.perform, fault)
        except WouldNotStart as error:
            ended = time.monotonic()
            self._break(f"{name}: it started only without its state: {error}")
        if ended is None:
            self.missed += 1
            return
        alive = await self._canaries.sing(str(fault.number), within_s=RECOVERY_S_MAX)
        recovered_s = time.monotonic() - ended if alive else None
        if recovered_s is None:
            self._break(f"{name}: canaries were not completed within {RECOVERY_S_MAX:.0f} s")
        hit = Hit(fault=fault, begun_at_us=begun_at_us, recovered_s=recovered_s)
        self.hits.append(hit)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(hit) + b"\n")

    def _break(self, detail: str) -> None:
        self._say(detail)
        self.violations.append(Violation(kind=Kind.NOT_RECOVERED, payment_id=None, detail=detail))
