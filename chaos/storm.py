"""The storm: the scheduled faults at their times, each followed until the stack works again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chaos.canary import Canaries
from chaos.faults import Faults, WouldNotStart
from chaos.oracle.violation import Kind, Violation
from chaos.schedule import Fault

# After the last of several overlapping faults everything must be up again: restarts with backoff, restore, catch-up.
RECOVERY_S_MAX = 120.0
THREADS_MAX = 32
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A fault as it went: `recovered_s` from its end to its canaries' completion, None when they were not completed.

    `is_alone`: no other fault was begun or still to be recovered from meanwhile, so that the time is this one's.
    """

    fault: Fault
    begun_at_us: int
    recovered_s: float | None
    is_alone: bool


class Storm:
    """Carries the schedule out; `hits` and `violations` are what came of it. Every hit is a line of the file `path`."""

    def __init__(self, faults: Faults, canaries: Canaries, path: Path, *, say: Say) -> None:
        self.hits: list[Hit] = []
        self.violations: list[Violation] = []
        self.missed = 0
        self._begun = 0
        self._going_on = 0
        self._unrecovered = 0
        # Threads of its own: a fault holds one for as long as it lasts, and others must not wait for that.
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="fault")
        self._ended_at = 0.0
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
        begun_at_us, others = time.time_ns() // 1000, self._unrecovered
        self._unrecovered += 1
        self._begun += 1
        begun = self._begun
        name = f"fault {fault.number}: {fault.kind} {fault.target}"
        self._say(f"{name} ({fault.lasts_s:.1f} s)")
        self._going_on += 1
        try:
            ended = await asyncio.get_running_loop().run_in_executor(self._threads, self._faults.perform, fault)
        except WouldNotStart as error:
            ended = time.monotonic()
            self._break(f"{name}: {error}")
        finally:
            self._going_on -= 1
            self._ended_at = time.monotonic()
        try:
            await self._follow(fault, name, ended, begun_at_us, is_first=others == 0, begun=begun)
        finally:
            self._unrecovered -= 1

    async def _follow(
        self, fault: Fault, name: str, ended: float | None, begun_at_us: int, *, is_first: bool, begun: int
    ) -> None:
        if ended is None:
            self.missed += 1
            return
        alive = await self._canaries.sing(str(fault.number), is_hopeless=self._is_hopeless)
        recovered_s = time.monotonic() - ended if alive else None
        if recovered_s is None:
            self._break(f"{name}: canaries were not completed, {RECOVERY_S_MAX:.0f} s after the last fault")
        is_alone = is_first and begun == self._begun
        hit = Hit(fault=fault, begun_at_us=begun_at_us, recovered_s=recovered_s, is_alone=is_alone)
        self.hits.append(hit)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(hit) + b"\n")

    def _is_hopeless(self) -> bool:
        return not self._going_on and time.monotonic() - self._ended_at > RECOVERY_S_MAX

    def _break(self, detail: str) -> None:
        self._say(detail)
        self.violations.append(Violation(kind=Kind.NOT_RECOVERED, payment_id=None, detail=detail))
