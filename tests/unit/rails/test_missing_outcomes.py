"""What asking the bank about processing payments comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from msgspec.structs import replace

from payments.commands import Report
from payments.payment import Payment, Status
from rails.bank import Answer, Bank, BankUnavailable, Outcome, Reference, Result, Standing
from rails.missing_outcomes import ask_about
from tests.unit.payments.histories import IN_EACH_STATUS, MARCH, claimed, replay

WAITING = IN_EACH_STATUS[Status.PROCESSING]


class AnsweringBank:
    """Answers what it is asked with what it was given, by the order of the questions."""

    def __init__(self, *answers: Answer | None) -> None:
        self._answers = list(answers)

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        return {
            reference: replace(answer, reference=reference)
            for reference, answer in zip(references, self._answers, strict=True)
            if answer is not None
        }


class SilentBank:
    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        raise BankUnavailable("away")


def processing(key: str) -> Payment:
    return replay(replace(MARCH, idempotency_key=key), replace(claimed(), idempotency_key=key))


def outcome(payment: Payment, result: Result) -> Outcome:
    return Outcome(
        reference=str(Reference(payment_id=payment.payment_id, attempt=1)),
        payment_key=payment.key,
        result=result,
        amount_minor=payment.head.amount_minor,
        occurred_at_us=payment.updated_at_us + 1,
        bank_reference="SIM1",
        code=None if result is Result.SETTLED else "R01",
    )


def ask(payments: Sequence[Payment], bank: object) -> tuple[list[tuple[str, Report]], dict[Standing, int]]:
    told = asyncio.run(ask_about(payments, cast(Bank, bank), progress=lambda _what, _done, _total: None))
    return [(report.payment_id, report.report) for report in told.reports], dict(told.standings)


def test_what_is_decided_is_reported_in_its_order_and_the_rest_is_counted() -> None:
    payments = [processing(key) for key in ("settled", "returned", "refused", "waits", "unknown", "lost")]
    settled, returned, refused = payments[:3]
    bank = AnsweringBank(
        Answer(reference="", standing=Standing.DECIDED, outcomes=(outcome(settled, Result.SETTLED),)),
        Answer(
            reference="",
            standing=Standing.DECIDED,
            outcomes=(outcome(returned, Result.SETTLED), outcome(returned, Result.RETURNED)),
        ),
        Answer(reference="", standing=Standing.REFUSED, code="bad", reason="no"),
        Answer(reference="", standing=Standing.IN_PROGRESS),
        Answer(reference="", standing=Standing.NOT_RECEIVED),
        None,
    )
    reports, standings = ask(payments, bank)
    assert reports == [
        (settled.payment_id, Report.SETTLED),
        (returned.payment_id, Report.SETTLED),
        (returned.payment_id, Report.RETURNED),
        (refused.payment_id, Report.REJECTED),
    ]
    assert standings == {
        Standing.DECIDED: 2,
        Standing.REFUSED: 1,
        Standing.IN_PROGRESS: 1,
        Standing.NOT_RECEIVED: 1,
        Standing.UNCLEAR: 1,
    }


def test_a_bank_that_is_away_is_no_answer() -> None:
    with pytest.raises(BankUnavailable):
        ask([WAITING], SilentBank())


def test_nothing_is_asked_when_nothing_is_processing() -> None:
    assert ask([], SilentBank()) == ([], {})
