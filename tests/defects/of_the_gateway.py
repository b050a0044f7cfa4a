"""Defects of the gateway: money is sent that nobody decided to send, or sent again, or its outcome is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from payments.commands import RailReport
from payments.payment import Payment, Status
from rails.bank import Bank, BankUnavailable
from rails.bank_desk import BankDesk
from rails.claim_desk import ClaimDesk
from rails.hand import Action, Hand, Task
from rails.open_payments import Kept
from rails.outcome_reader import OutcomeReader
from rails.reporter import Reporter


def what_was_claimed_is_sent_before_the_claim_is_decided(patch: pytest.MonkeyPatch) -> None:
    sound = ClaimDesk._report

    async def report(desk: ClaimDesk, tasks: Sequence[Task], reports: Sequence[RailReport]) -> None:
        await sound(desk, tasks, reports)
        for task in tasks:
            submit = replace(task, action=Action.SUBMIT)
            desk._hand._take_in_hand(task.payment.payment_id, submit, desk._clock.now_us())

    patch.setattr(ClaimDesk, "_report", report)


def after_a_restart_what_is_processing_is_sent_without_asking(patch: pytest.MonkeyPatch) -> None:
    def load(held: Hand, kept: Kept, payment: Payment) -> None:
        action = Action.CLAIM if payment.status is Status.PENDING else Action.SUBMIT
        task = Task(payment=payment, payment_id=kept.payment_id, partition=kept.partition, action=action)
        held._take_in_hand(kept.payment_id, task, kept.act_at_us, kept.by)

    patch.setattr(Hand, "load", load)


def what_got_no_answer_is_sent_again(patch: pytest.MonkeyPatch) -> None:
    def unanswered(desk: BankDesk, _to: str, tasks: Sequence[Task], _error: BankUnavailable) -> None:
        for task in tasks:
            desk._hand.again_in(task, Action.SUBMIT, 0)

    patch.setattr(BankDesk, "_unanswered", unanswered)


def the_place_in_the_banks_feed_moves_before_the_log_has_the_reports(patch: pytest.MonkeyPatch) -> None:
    sound = OutcomeReader.__init__

    def early(reader: OutcomeReader, bank: Bank, reporter: Reporter, **heard: Any) -> None:
        class Early(Reporter):
            async def tell(self, reports: Sequence[RailReport]) -> None:
                await reporter.try_to_tell(reports)  # Once: what the log does not take is behind the place now.

        sound(reader, bank, Early(reporter._producer), **heard)

    patch.setattr(OutcomeReader, "__init__", early)
