"""The first step: claim what is due, or fail what may not be paid."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from business_clock import Clock
from directory.register import Register
from payments.commands import RailReport
from rails import metrics
from rails.backoff import Backoff
from rails.claims import Fit, NumbersMissing, Unfit, Verdict, claim, judge, refusal
from rails.hand import Action, Hand, Task
from rails.reporter import Reporter

log = structlog.get_logger(__name__)

CLAIMS_MAX = 500  # In one batch.
CATCH_UP_S_MAX = 5.0
# A claim that Kafka has acknowledged will be decided; one that was lost all the same is repeated after this.
CLAIM_AGAIN_US = 300_000_000
NUMBERS_AGAIN_US = 2_000_000


class ClaimDesk:
    """Works on due payments. `catch_up` reads the directory to its present end and says whether it could."""

    def __init__(
        self,
        hand: Hand,
        register: Register,
        reporter: Reporter,
        *,
        catch_up: Callable[[float], bool],
        clock: Clock,
    ) -> None:
        self._hand = hand
        self._register = register
        self._reporter = reporter
        self._catch_up = catch_up
        self._clock = clock
        self._backoff = Backoff()

    async def work(self) -> None:
        """Claim until cancelled."""
        while True:
            await self.claim(await self._hand.take(Action.CLAIM, CLAIMS_MAX))

    async def claim(self, tasks: Sequence[Task]) -> None:
        """Report a claim, or a refusal, for each; what cannot be told or judged now comes again later."""
        verdicts = [(task, judge(task.payment, self._register)) for task in tasks]
        fit = [task for task, verdict in verdicts if isinstance(verdict, Fit)]
        await self._report(fit, [claim(task.payment, now_us=self._dated_us(task)) for task in fit])
        unfit = [task for task, verdict in verdicts if not isinstance(verdict, Fit)]
        if unfit:
            await self._look_again(unfit)

    async def _look_again(self, tasks: Sequence[Task]) -> None:
        """Judge what looked unfit once more, by all that is in the directory's log now: an account may be that new."""
        if not await asyncio.to_thread(self._catch_up, CATCH_UP_S_MAX):
            log.warning("directory_not_caught_up", payments=len(tasks))
            self._later(tasks)
            return
        reports: list[tuple[Task, RailReport]] = []
        for task in tasks:
            verdict = judge(task.payment, self._register)
            report = self._answer(task, verdict)
            if report is not None:
                reports.append((task, report))
        await self._report([task for task, _ in reports], [report for _, report in reports])

    def _answer(self, task: Task, verdict: Verdict) -> RailReport | None:
        match verdict:
            case Fit():
                return claim(task.payment, now_us=self._dated_us(task))
            case Unfit():
                log.info("payment_refused", payment_id=task.payment_id, code=verdict.code)
                return refusal(task.payment, verdict, now_us=self._dated_us(task))
            case NumbersMissing():
                log.error("account_numbers_missing", payment_id=task.payment_id, account_id=verdict.account_id)
                self._hand.again_in(task, Action.CLAIM, NUMBERS_AGAIN_US)
                return None

    async def _report(self, tasks: Sequence[Task], reports: Sequence[RailReport]) -> None:
        if not tasks:
            return
        if not await self._reporter.try_to_tell(reports):
            self._later(tasks)
            return
        self._backoff.succeeded()
        for verdict, count in Counter(report.code or "claimed" for report in reports).items():
            metrics.CLAIMS.labels(verdict).inc(count)
        for task in tasks:
            self._hand.again_in(task, Action.CLAIM, CLAIM_AGAIN_US)

    def _later(self, tasks: Sequence[Task]) -> None:
        delay_us = int(self._backoff.next_s() * 1_000_000)
        for task in tasks:
            self._hand.again_in(task, Action.CLAIM, delay_us)

    def _dated_us(self, task: Task) -> int:
        return self._clock.dated_us(task.payment.head.due_at_us)
