"""What the gateway does when the bank or the log answers, does not, or answers late: against fakes of our ports."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

import pytest

from directory.register import Register
from kafka_log.producer import LogProducer, LogUnavailable, OutRecord
from payments.commands import RailReport, Report
from payments.payment import Payment
from rails.agenda import By
from rails.bank import Answer, BankUnavailable, Instruction, Outcome, OutcomePage, Reference, Result, Standing
from rails.bank_desk import REPORTED_AGAIN_US, BankDesk
from rails.claim_desk import ClaimDesk
from rails.hand import Action, Hand, Seen, Task
from rails.open_payments import Act, Keep, Kept
from rails.outcome_reader import OutcomeReader
from rails.reporter import Reporter
from schemas import codec
from tests.unit.payments.histories import MARCH, SECOND_US, claimed, initiated, replay
from tests.unit.rails.accounts import KEYRING, register
from tests.unit.rails.set_clock import SetClock

NOW_US = initiated().head.due_at_us
PROCESSING = replay(MARCH, claimed())
REFERENCE = str(Reference(payment_id=MARCH.payment_id, attempt=1))
SETTLED = Outcome(
    reference=REFERENCE,
    payment_key=MARCH.key,
    result=Result.SETTLED,
    amount_minor=150_000,
    occurred_at_us=NOW_US,
    bank_reference="SIM1",
)


class FakeBank:
    """Answers as it is told; remembers what it was sent. None is no answer at all."""

    def __init__(self) -> None:
        self.on_submit: Answer | BankUnavailable | None = Answer(reference=REFERENCE, standing=Standing.IN_PROGRESS)
        self.on_ask: Answer | BankUnavailable | None = Answer(reference=REFERENCE, standing=Standing.IN_PROGRESS)
        self.pages: list[OutcomePage | BankUnavailable] = []
        self.submitted: list[str] = []
        self.asked: list[str] = []

    async def submit(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        self.submitted += [each.reference for each in instructions]
        return _said(self.on_submit)

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        self.asked += references
        return _said(self.on_ask)

    async def outcomes(self, after: str, limit: int, wait_s: float) -> OutcomePage:
        if not self.pages:
            await asyncio.Event().wait()
        page = self.pages.pop(0)
        if isinstance(page, BankUnavailable):
            raise page
        return page


class FakeLog(LogProducer):
    """A log that can be reached or not, and shows what it was given."""

    def __init__(self) -> None:
        self.failures = 0
        self.reports: list[RailReport] = []

    async def send_all(self, records: Sequence[OutRecord]) -> list[Any]:
        if self.failures:
            self.failures -= 1
            raise LogUnavailable("unreachable")
        for record in records:
            report = codec.decode(record.value)
            assert isinstance(report, RailReport)
            assert record.key == report.key
            self.reports.append(report)
        return []

    @property
    def said(self) -> list[Report]:
        return [each.report for each in self.reports]


class Room:
    """A hand, its desks and their fakes, with the clock in the test's hand."""

    def __init__(self) -> None:
        self.clock = SetClock(NOW_US)
        self.bank, self.log = FakeBank(), FakeLog()
        self.register = register()
        self.can_catch_up = True
        self.cursors: list[str] = []
        self.hand = Hand(self.clock)
        self.hand.go_live(0)
        reporter = Reporter(self.log)
        self.desk = BankDesk(self.hand, self.bank, self.register, KEYRING, reporter, clock=self.clock)
        self.outcomes = OutcomeReader(
            self.bank, reporter, reported=self.desk.reported, reported_until=self.cursors.append
        )
        self.reporter = reporter

    def claims(self, known: Register) -> ClaimDesk:
        return ClaimDesk(self.hand, known, self.reporter, catch_up=lambda _s: self.can_catch_up, clock=self.clock)

    def sees(self, payment: Payment) -> None:
        self.hand.note(Seen(partition=0, next_offset=1, payment_id=payment.payment_id, payment=payment, value=b"value"))

    async def tasks(self, action: Action) -> list[Task]:
        """Return what is to be done now; nothing when nothing is."""
        try:
            return await asyncio.wait_for(self.hand.take(action, 10), 0.02)
        except TimeoutError:
            return []

    async def work(self, action: Action) -> int:
        """Do what is to be done at the bank now, and return how much that was."""
        tasks = await self.tasks(action)
        if tasks:
            await (self.desk.submit(tasks) if action is Action.SUBMIT else self.desk.ask(tasks))
        return len(tasks)

    def later(self, seconds: float) -> None:
        self.clock.us += int(seconds * SECOND_US)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


def run(runner: asyncio.Runner, history: Coroutine[Any, Any, None]) -> None:
    runner.run(history)


def test_a_submit_without_an_answer_is_asked_about_and_not_sent_again(runner: asyncio.Runner) -> None:
    async def history() -> None:
        room = Room()
        room.bank.on_submit = BankUnavailable("time is up")
        room.sees(PROCESSING)
        assert await room.work(Action.SUBMIT) == 1
        room.later(0.2)
        assert await room.work(Action.ASK) == 1
        for _ in range(20):
            room.later(100)
            await room.work(Action.ASK)
            assert await room.work(Action.SUBMIT) == 0
        assert room.bank.submitted == [REFERENCE]

    run(runner, history())


def test_only_when_the_bank_denies_having_it_is_it_sent_again_under_the_same_reference(runner: asyncio.Runner) -> None:
    async def history() -> None:
        room = Room()
        room.bank.on_submit = BankUnavailable("connection lost")
        room.bank.on_ask = Answer(reference=REFERENCE, standing=Standing.NOT_RECEIVED)
        room.sees(PROCESSING)
        await room.work(Action.SUBMIT)
        room.later(0.2)
        await room.work(Action.ASK)
        assert await room.work(Action.SUBMIT) == 1
        assert room.bank.submitted == [REFERENCE, REFERENCE]

    run(runner, history())


def test_what_is_unclear_is_asked_for_ever_more_rarely_and_never_sent_again(runner: asyncio.Runner) -> None:
    async def history() -> None:
        room = Room()
        room.bank.on_submit = None
        room.bank.on_ask = Answer(reference=REFERENCE, standing=Standing.UNCLEAR)
        room.sees(PROCESSING)
        await room.work(Action.SUBMIT)
        room.later(300)
        assert await room.work(Action.ASK) == 1
        assert room.hand.unclear == 1
        questions, parked_until_us, parked_by = 0, 0, By.BUSINESS
        for _ in range(600):
            room.later(1)
            # What is far off lies in the store meanwhile; here it is brought back as the refill would.
            change = room.hand.take_changes().payments.get(MARCH.payment_id)
            if isinstance(change, Act | Keep) and change.act_at_us is not None:
                parked_until_us, parked_by = change.act_at_us, change.by
            if len(room.hand) == 0 and parked_until_us <= room.clock.us:
                kept = Kept(
                    payment_id=MARCH.payment_id, partition=0, value=b"", act_at_us=parked_until_us, by=parked_by
                )
                room.hand.load(kept, PROCESSING)
            questions += await room.work(Action.ASK) if len(room.hand) else 0
        assert 8 <= questions <= 30, questions
        assert room.bank.submitted == [REFERENCE]
        assert room.log.reports == []

    run(runner, history())


def test_an_outcome_learnt_by_asking_is_reported_and_repeated_only_if_nothing_comes_of_it(
    runner: asyncio.Runner,
) -> None:
    async def history() -> None:
        room = Room()
        room.bank.on_submit = None
        room.bank.on_ask = Answer(reference=REFERENCE, standing=Standing.DECIDED, outcomes=(SETTLED,))
        room.sees(PROCESSING)
        await room.work(Action.SUBMIT)
        room.later(0.3)
        await room.work(Action.ASK)
        assert room.log.said == [Report.SETTLED]
        room.later(5)
        assert await room.work(Action.ASK) == 0

    run(runner, history())


def test_what_the_feed_has_told_is_not_asked_for_unless_nothing_comes_of_it(runner: asyncio.Runner) -> None:
    async def history() -> None:
        room = Room()
        now_us = room.clock.us = PROCESSING.head.expected_settlement_at_us
        room.bank.pages = [OutcomePage(outcomes=(SETTLED,), cursor="1")]
        room.sees(PROCESSING)
        await room.work(Action.SUBMIT)
        room.outcomes.start("")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(room.outcomes.work(), 0.05)
        assert (room.log.said, room.cursors) == ([Report.SETTLED], ["1"])
        # Long overdue, while the stream app has not come to the report yet.
        room.later(30)
        assert await room.work(Action.ASK) == 0
        change = room.hand.take_changes().payments[MARCH.payment_id]
        assert isinstance(change, Keep)
        assert change.act_at_us == now_us + REPORTED_AGAIN_US
        room.later(30)
        kept = Kept(payment_id=MARCH.payment_id, partition=0, value=b"", act_at_us=change.act_at_us, by=change.by)
        room.hand.load(kept, PROCESSING)
        assert await room.work(Action.ASK) == 1

    run(runner, history())


def test_an_instruction_that_the_bank_refuses_fails_the_payment(runner: asyncio.Runner) -> None:
    async def history() -> None:
        room = Room()
        room.bank.on_submit = Answer(reference=REFERENCE, standing=Standing.REFUSED, code="AC04", reason="closed")
        room.sees(PROCESSING)
        await room.work(Action.SUBMIT)
        [report] = room.log.reports
        assert (report.report, report.code, report.reason) == (Report.REJECTED, "AC04", "closed")

    run(runner, history())


def test_a_settlement_is_told_before_the_return_though_the_log_fails_in_between(runner: asyncio.Runner) -> None:
    async def history() -> None:
        room = Room()
        returned = Outcome(
            reference=REFERENCE,
            payment_key=MARCH.key,
            result=Result.RETURNED,
            amount_minor=150_000,
            occurred_at_us=NOW_US + 1,
            bank_reference="SIM1",
            code="R01",
        )
        room.bank.pages = [
            BankUnavailable("down"),
            OutcomePage(outcomes=(SETTLED, returned, SETTLED), cursor="books:3"),
        ]
        room.log.failures = 1
        room.outcomes.start("books:0")
        reading = asyncio.create_task(room.outcomes.work())
        while not room.cursors:
            # Not before everything is acknowledged does the cursor move.
            assert not reading.done()
            await asyncio.sleep(0.01)
        assert room.log.said == [Report.SETTLED, Report.RETURNED, Report.SETTLED]
        assert room.cursors == ["books:3"]
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    run(runner, history())


def test_a_claim_that_the_log_does_not_take_is_made_again(runner: asyncio.Runner) -> None:
    async def history() -> None:
        room = Room()
        room.log.failures = 1
        room.sees(initiated())
        desk = room.claims(room.register)
        await desk.claim(await room.tasks(Action.CLAIM))
        assert room.log.reports == []
        room.later(0.2)
        await desk.claim(await room.tasks(Action.CLAIM))
        assert room.log.said == [Report.CLAIMED]
        room.later(60)
        assert await room.tasks(Action.CLAIM) == [], "an acknowledged claim is not made again at once"

    run(runner, history())


def test_a_claim_reaches_the_bank_only_when_the_log_has_decided_it(runner: asyncio.Runner) -> None:
    async def history() -> None:
        room = Room()
        room.sees(initiated())
        await room.claims(room.register).claim(await room.tasks(Action.CLAIM))
        assert room.log.said == [Report.CLAIMED]
        # A cancel may be decided first: until the claim is, nobody knows.
        assert await room.work(Action.SUBMIT) == 0
        room.sees(PROCESSING)
        assert await room.work(Action.SUBMIT) == 1
        assert room.bank.submitted == [REFERENCE]

    run(runner, history())


def test_an_unknown_account_fails_the_payment_only_after_the_directory_was_read_to_its_end(
    runner: asyncio.Runner,
) -> None:
    async def history() -> None:
        room = Room()
        room.can_catch_up = False
        room.sees(initiated())
        desk = room.claims(Register())
        await desk.claim(await room.tasks(Action.CLAIM))
        assert room.log.reports == []
        room.can_catch_up = True
        room.later(0.2)
        await desk.claim(await room.tasks(Action.CLAIM))
        [report] = room.log.reports
        assert (report.report, report.code, report.source) == (Report.REJECTED, "account_not_found", "directpay")

    run(runner, history())


def _said(answer: Answer | BankUnavailable | None) -> dict[str, Answer]:
    if isinstance(answer, BankUnavailable):
        raise answer
    return {} if answer is None else {answer.reference: answer}
