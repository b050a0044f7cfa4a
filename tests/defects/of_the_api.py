"""Defects of the API: it tells its callers something that is not so."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from ingest_api import payment_orders
from ingest_api.commands import Command, CommandLog
from ingest_api.parts import Parts
from ingest_api.payment_orders import PaymentAnswer
from ingest_api.problems import Problem
from ingest_api.refusals import LogUnreachable
from ingest_api.representations import payment_as_created
from ingest_api.routes.payments import Payments
from payments.commands import InitiatePayment
from projections.queries import Outcome
from tests.defects.case import everywhere


def a_replay_is_answered_201(patch: pytest.MonkeyPatch) -> None:
    sound = payment_orders.answer_of

    def answer_of(order: InitiatePayment, outcome: Outcome | None) -> PaymentAnswer | Problem:
        answer = sound(order, outcome)
        return answer if isinstance(answer, Problem) else replace(answer, status=201, replayed=False)

    everywhere(patch, sound, answer_of)


def whoever_asks_is_told_that_the_payment_of_the_key_is_theirs(patch: pytest.MonkeyPatch) -> None:
    sound = payment_orders.answer_of

    def answer_of(order: InitiatePayment, outcome: Outcome | None) -> PaymentAnswer | Problem:
        if outcome is None or outcome.payment is None or outcome.payment.created_by == order.command_id:
            return sound(order, outcome)
        return PaymentAnswer(status=200, payment=payment_as_created(outcome.payment.head), replayed=True)

    everywhere(patch, sound, answer_of)


def a_command_is_sent_under_a_key_of_its_own(patch: pytest.MonkeyPatch) -> None:
    sound = payment_orders.payment_order

    def payment_order(members: dict[str, Any], _key: str, *, tenant_id: str, now_us: int) -> InitiatePayment:
        return sound(members, str(uuid.uuid4()), tenant_id=tenant_id, now_us=now_us)

    everywhere(patch, sound, payment_order)


class _Careless:
    """A command log that does not mind whether Kafka has what it was given."""

    def __init__(self, commands: CommandLog) -> None:
        self._commands = commands

    async def send(self, command: Command, **more: Any) -> None:
        await self.send_all([command], **more)

    async def send_all(self, commands: Sequence[Command], **more: Any) -> None:
        with contextlib.suppress(LogUnreachable):
            await self._commands.send_all(commands, **more)


def a_payment_is_accepted_before_kafka_has_it(patch: pytest.MonkeyPatch) -> None:
    sound = Payments.__init__

    def careless(payments: Payments, parts: Parts) -> None:
        sound(payments, replace(parts, commands=cast(CommandLog, _Careless(parts.commands))))

    patch.setattr(Payments, "__init__", careless)
