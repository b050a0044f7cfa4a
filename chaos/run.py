"""A whole run: a stack of its own, load and faults side by side, calm, and the verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from chaos.answers import AnswerLog
from chaos.canary import Canaries
from chaos.evidence import Views, read_totals
from chaos.faults import Faults
from chaos.figures import Tally, figures
from chaos.http_callers import HttpCallers
from chaos.late_reports import LateReports
from chaos.load import Load
from chaos.oracle.violation import Violation
from chaos.plan import plan
from chaos.producers import Producers
from chaos.progress import STANDSTILL_S_MAX, Progress
from chaos.schedule import schedule
from chaos.storm import Storm
from chaos.tenant import Tenant, open_tenant
from chaos.verdict import Places, Verdict, judge
from cli.local_stack.stack import LocalStack
from schemas.topics import PARTITIONS_DEFAULT

# The slowest rail settles within 9 s, and what the bank does not answer is asked about within seconds.
RAIL_SPEED = 20.0
TELL_EVERY_S = 10.0
CALM_POLL_S = 1.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of what: `rate` in payments a second; the evidence and the stack's data lie in `folder`.

    `only` restricts the faults (`chaos.schedule`).
    """

    payments: int
    faults: int
    seed: int
    rate: float
    workers: int
    folder: Path
    only: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run."""

    figures: dict[str, Any]
    violations: list[Violation]


def run(wanted: Plan, say: Say) -> Outcome:
    """Start a stack, hurt it while it works, let it rest, and judge it; raises StackError when it does not start."""
    began = time.monotonic()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    stack = LocalStack(wanted.folder / "stack", rail_speed=RAIL_SPEED, workers=wanted.workers, say=_quietly(say))
    try:
        stack.start()
        return asyncio.run(_run(wanted, stack, say, began))
    finally:
        stack.stop()


async def _run(wanted: Plan, stack: LocalStack, say: Say, began: float) -> Outcome:
    places = stack.stack
    tenant = open_tenant(places["http"], places["admin_key"])
    paths = Places(
        answers=wanted.folder / "answers.jsonl",
        kafka=places["kafka"],
        analyst=places["analyst"],
        bank=places["bank"],
    )
    field = _Field(wanted, stack, tenant, paths, say)
    say(f"{wanted.payments} payments at {wanted.rate:g} a second, {wanted.faults} faults, seed {wanted.seed}")
    try:
        load_s = await field.fight()
        await field.calm_down()
    finally:
        await field.leave()
    say("Reading what the topics, the views, the ledger and the bank say")
    verdict = await asyncio.to_thread(
        judge,
        paths,
        partitions=PARTITIONS_DEFAULT,
        silent_payers=tenant.silent_payers,
        poison=field.load.poison,
    )
    violations = [*field.storm.violations, *verdict.violations]
    _write_violations(wanted.folder / "violations.jsonl", violations)
    tally = field.tally(verdict, load_s=load_s, duration_s=time.monotonic() - began)
    return Outcome(figures=figures(tally, field.storm.hits, violations), violations=violations)


class _Field:
    """Everything that acts on the stack during a run."""

    def __init__(self, wanted: Plan, stack: LocalStack, tenant: Tenant, places: Places, say: Say) -> None:
        self._wanted = wanted
        self._stack = stack
        self._tenant = tenant
        self._places = places
        self._say = say
        self._views = Views(places.analyst)
        self._answers = AnswerLog(places.answers)
        http = stack.stack["http"]
        self._callers = HttpCallers(http, tenant_id=tenant.id, api_key=tenant.api_key, answers=self._answers)
        self._producers = Producers(places.kafka, tenant_id=tenant.id, answers=self._answers)
        # Clients of their own: what waits behind the load's queue says nothing of the stack's recovery.
        self._watchers = HttpCallers(http, tenant_id=tenant.id, api_key=tenant.api_key, answers=self._answers)
        self._canaries = Canaries(
            self._watchers,
            tenant_id=tenant.id,
            payer=tenant.payers["plain"][0],
            payee=tenant.payees[0],
            partitions=PARTITIONS_DEFAULT,
        )
        self._reports = LateReports(places.kafka, self._producers, seed=wanted.seed)
        self._faults = Faults(stack, lambda name: stack.state.path / "state" / name, seed=wanted.seed)
        self.load = Load(self._callers, self._producers, seed=wanted.seed)
        self.storm = Storm(self._faults, self._canaries, wanted.folder / "faults.jsonl", say=say)

    async def fight(self) -> float:
        """Carry out load and faults; return how long the load took, in seconds."""
        wanted, began = self._wanted, time.monotonic()
        planned = plan(
            wanted.seed,
            payments=wanted.payments,
            rate=wanted.rate,
            payers=self._tenant.payers,
            payees=self._tenant.payees,
        )
        over_s = wanted.payments / wanted.rate
        faults = schedule(
            wanted.seed, faults=wanted.faults, over_s=over_s, components=self._stack.components, only=wanted.only
        )
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell())
            repeating = group.create_task(self._reports.work())
            raging = group.create_task(self.storm.rage(faults))
            await self.load.run(planned)
            load_s = time.monotonic() - began
            await raging
            await self._reports.stop()
            await repeating
            telling.cancel()
        return load_s

    async def calm_down(self) -> None:
        """Return when all is decided, projected and at its end, or nothing moves any more: the oracle says what is not.

        Canaries stand behind everything on their partitions. Twice, because a record on a wrong partition is forwarded
        to a place behind the first ones.
        """
        self._say("The load and the faults are over; waiting until everything has come to its end")
        progress = Progress()
        watching = asyncio.create_task(self._watch(progress))
        try:
            for name in ("calm-1", "calm-2"):
                if not await self._canaries.sing(name, is_hopeless=progress.has_ceased):
                    self._say(f"canaries {name} were not completed, and nothing has moved for {STANDSTILL_S_MAX:.0f} s")
            while not progress.has_ceased():
                if not progress.still_open and await asyncio.to_thread(self._all_is_told):
                    return
                await asyncio.sleep(CALM_POLL_S)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, progress: Progress) -> None:
        while True:
            progress.note(*await asyncio.to_thread(self._open))
            await asyncio.sleep(CALM_POLL_S)

    async def leave(self) -> None:
        """Undo what lasts, and put every answer on the disk."""
        self._faults.let_go()
        await self._callers.close()
        await self._watchers.close()
        await asyncio.to_thread(self._producers.close)
        await asyncio.to_thread(self._reports.close)
        await asyncio.to_thread(self._answers.close)

    def tally(self, verdict: Verdict, *, load_s: float, duration_s: float) -> Tally:
        """Return everything that was counted."""
        statuses = self._callers.statuses + self._watchers.statuses
        return Tally(
            seed=self._wanted.seed,
            payments=self._wanted.payments,
            accepted=verdict.accepted,
            refused=verdict.refused,
            unknown=verdict.unknown,
            refunds=verdict.refunds,
            events=verdict.events,
            rejections=verdict.rejections,
            poison=len(self.load.poison),
            repeated_reports=self._reports.count,
            answers={str(status or "none"): n for status, n in sorted(statuses.items(), key=str)},
            faults=self.storm.counts(),
            faults_missed=self.storm.missed,
            late_s_max=self.load.late_s_max,
            load_s=load_s,
            duration_s=duration_s,
        )

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            total, still_open = await asyncio.to_thread(self._open)
            self._say(
                f"{self.load.sent['payments']} payments sent, {total} in the views, {still_open} still open, "
                f"{len(self.storm.hits)} faults recovered from"
            )

    def _open(self) -> tuple[int, int]:
        try:
            return self._views.open_payments(self._tenant.silent_payers)
        except psycopg.OperationalError:
            return -1, -1  # The database is down just now, which is as it should be.

    def _all_is_told(self) -> bool:
        """Say whether the bank will return nothing more, the views show everything that it returned, and every payment
        has heard of its refunds."""
        try:
            totals = read_totals(self._places.bank)
            if totals["awaiting"] or totals["returned"] != self._views.returned_payments():
                return False
            return not self._views.untold_refunds()
        except (httpx.HTTPError, psycopg.OperationalError):
            return False  # Still coming back from the last fault.


def _write_violations(path: Path, violations: list[Violation]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(violation) + b"\n" for violation in violations))


def _quietly(say: Say) -> Say:
    """Let the first line of the stack's own messages through: the ends of logs that follow are in the logs."""
    return lambda line: say(f"    {line.partition('; the end of')[0]}")
