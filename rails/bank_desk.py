"""The second step: hand what is processing to the bank, and ask about what the bank has not told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import assert_never

import structlog

from business_clock import Clock
from directory.register import Register
from directory.sealing import CannotOpen, Keyring
from payments.commands import RailReport
from rails import metrics
from rails.backoff import Backoff
from rails.bank import INSTRUCTIONS_MAX, QUESTIONS_MAX, Answer, Bank, BankUnavailable, Instruction, Outcome, Standing
from rails.hand import Action, Hand, Task
from rails.instructions import CannotInstruct, claimed_at_us, instruct
from rails.reporter import Reporter
from rails.reports import StrangeOutcome, outcome_report, refused_report

log = structlog.get_logger(__name__)

SECOND_US = 1_000_000
# A submit without an answer: the bank may be at work on it still.
ASK_SOON_US = SECOND_US // 4
# What is overdue may be on its way through the feed.
OVERDUE_US = 2 * SECOND_US
# The longer it is overdue, the rarer the question: after half of the time that has passed.
ASK_US_MIN = SECOND_US
ASK_US_MAX = 60 * SECOND_US
# An outcome that was reported is decided soon; if nothing comes of it, it is asked for and reported again.
REPORTED_AGAIN_US = 60 * SECOND_US
CANNOT_INSTRUCT_AGAIN_US = 10 * SECOND_US
LOGGED_IDS_MAX = 10


class BankDesk:
    """Works on processing payments. An instruction is sent only when nobody can have sent it, or the bank denies having
    it: everything else is asked about, never sent again blindly."""

    def __init__(
        self,
        hand: Hand,
        bank: Bank,
        register: Register,
        keyring: Keyring,
        reporter: Reporter,
        *,
        clock: Clock,
    ) -> None:
        self._hand = hand
        self._bank = bank
        self._register = register
        self._keyring = keyring
        self._reporter = reporter
        self._clock = clock
        self._backoff = Backoff()

    async def work_on_submits(self) -> None:
        """Submit until cancelled."""
        while True:
            await self.submit(await self._hand.take(Action.SUBMIT, INSTRUCTIONS_MAX))

    async def work_on_questions(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.ask(await self._hand.take(Action.ASK, QUESTIONS_MAX))

    async def submit(self, tasks: Sequence[Task]) -> None:
        """Hand instructions over, each task's one; what gets no answer is asked about."""
        instructed = self._instructed(tasks)
        if not instructed:
            return
        try:
            answers = await self._bank.submit([instruction for _, instruction in instructed])
        except BankUnavailable as error:
            self._unanswered("submit", [task for task, _ in instructed], error)
            return
        self._backoff.succeeded()
        await self._hear("submit", [task for task, _ in instructed], answers)

    async def ask(self, tasks: Sequence[Task]) -> None:
        """Ask where instructions stand, and do what the answers call for."""
        try:
            answers = await self._bank.ask([task.reference for task in tasks])
        except BankUnavailable as error:
            self._unanswered("ask", tasks, error)
            return
        self._backoff.succeeded()
        await self._hear("ask", tasks, answers)

    def reported(self, outcomes: Sequence[Outcome]) -> None:
        """Hear that these are on the log: the bank need not be asked, unless nothing comes of them."""
        for outcome in outcomes:
            task = self._hand.task_about(outcome.reference)
            if task is not None:
                self._hand.again_in(task, Action.ASK, REPORTED_AGAIN_US)

    def _instructed(self, tasks: Sequence[Task]) -> list[tuple[Task, Instruction]]:
        instructed = []
        for task in tasks:
            try:
                instructed.append((task, instruct(task.payment, self._register, self._keyring)))
            except (CannotInstruct, CannotOpen) as error:
                # Claimed, so it cannot fail for this: it waits for the key or the directory to be mended.
                metrics.CANNOT_INSTRUCT.inc()
                log.error("payment_not_instructed", payment_id=task.payment_id, error=str(error))
                self._hand.again_in(task, task.action, CANNOT_INSTRUCT_AGAIN_US)
        return instructed

    def _unanswered(self, to: str, tasks: Sequence[Task], error: BankUnavailable) -> None:
        metrics.UNANSWERED.labels(to).inc(len(tasks))
        log.warning("bank_did_not_answer", to=to, payments=len(tasks), error=str(error))
        delay_us = int(self._backoff.next_s() * SECOND_US)
        for task in tasks:
            self._hand.again_in(task, Action.ASK, delay_us)

    async def _hear(self, to: str, tasks: Sequence[Task], answers: Mapping[str, Answer]) -> None:
        decided: list[tuple[Task, list[RailReport]]] = []
        unclear: list[str] = []
        for standing, count in Counter(answer.standing for answer in answers.values()).items():
            metrics.ANSWERS.labels(to, standing.value).inc(count)
        now_us = self._clock.now_us()
        for task in tasks:
            answer = answers.get(task.reference)
            if answer is None:
                metrics.UNANSWERED.labels(to).inc()
                self._hand.again_in(task, Action.ASK, ASK_SOON_US)
                continue
            self._hand.mark_unclear(task, is_unclear=answer.standing is Standing.UNCLEAR)
            match answer.standing:
                case Standing.NOT_RECEIVED:
                    self._not_received(to, task)
                case Standing.IN_PROGRESS:
                    self._ask_when_overdue(task, now_us)
                case Standing.UNCLEAR:
                    unclear.append(task.payment_id)
                    self._ask_when_overdue(task, now_us)
                case Standing.DECIDED:
                    decided.append((task, reports_of(answer.outcomes)))
                case Standing.REFUSED:
                    at_us = self._clock.dated_us(claimed_at_us(task.payment))
                    decided.append((task, [refused_report(task.payment, answer, now_us=at_us)]))
                case _:
                    assert_never(answer.standing)
        if unclear:
            log.warning("payments_unclear", count=len(unclear), payment_ids=unclear[:LOGGED_IDS_MAX])
        if decided:
            await self._reporter.tell([report for _, reports in decided for report in reports])
            for task, _ in decided:
                self._hand.again_in(task, Action.ASK, REPORTED_AGAIN_US)

    def _not_received(self, to: str, task: Task) -> None:
        if to == "ask":
            # The bank says that it never got it. Should it arrive yet, late, the reference makes the two one.
            log.info("instruction_sent_after_asking", payment_id=task.payment_id)
            self._hand.again_in(task, Action.SUBMIT, 0)
        else:
            self._hand.again_in(task, Action.ASK, ASK_US_MIN)

    def _ask_when_overdue(self, task: Task, now_us: int) -> None:
        """Ask (again) when it is overdue, and then ever more rarely."""
        overdue_at_us = task.payment.head.expected_settlement_at_us + OVERDUE_US
        if now_us < overdue_at_us:
            self._hand.again(task, Action.ASK, overdue_at_us)
        else:
            delay_us = min(ASK_US_MAX, max(ASK_US_MIN, (now_us - overdue_at_us) // 2))
            self._hand.again_in(task, Action.ASK, delay_us)


def reports_of(outcomes: Sequence[Outcome]) -> list[RailReport]:
    """Return the reports of outcomes, in order, without those that are about no payment of ours: they are an alarm."""
    reports = []
    for outcome in outcomes:
        try:
            reports.append(outcome_report(outcome))
        except StrangeOutcome as error:
            metrics.STRANGE_OUTCOMES.inc()
            log.error("outcome_strange", reference=outcome.reference, error=str(error))
    return reports
