"""Defects of what is decided: the lifecycle, its idempotency, the history's links, the place of a record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from payments import lifecycle
from payments.commands import InitiatePayment
from payments.decision import Decision, Unchanged
from payments.payment import EventType, Payment, Status, Transition
from payments.refunds import paid_minor
from schemas.partitioning import partition_of
from stream_app import decisions
from stream_app.decisions import PaymentDecisions, Written
from stream_app.exactly_once.records import InputRecord
from stream_app.intake import Intake, Stray
from stream_app.table import Table


def a_command_that_comes_again_creates_its_payment_again(patch: pytest.MonkeyPatch) -> None:
    sound = PaymentDecisions.decide

    def decide(this: PaymentDecisions, record: InputRecord, read: Any, table: Table[Any], written: Written) -> None:
        with pytest.MonkeyPatch.context() as forget:
            if isinstance(read, InitiatePayment):
                forget.setattr(table, "peek", lambda _payment_id: None)
            sound(this, record, read, table, written)

    patch.setattr(PaymentDecisions, "decide", decide)


def another_body_under_a_used_key_is_taken_for_a_replay(patch: pytest.MonkeyPatch) -> None:
    sound = lifecycle._initiate

    def initiate(
        order: InitiatePayment, payment: Payment | None, rail_speed: float, ach_lead_us: int | None
    ) -> Decision:
        return sound(order, None, rail_speed, ach_lead_us) if payment is None else Unchanged(payment=payment)

    patch.setattr(lifecycle, "_initiate", initiate)


def a_cancel_after_the_claim_is_obeyed(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(lifecycle.MOVES, (Status.PROCESSING, lifecycle.CANCEL), (Status.CANCELLED, EventType.CANCELLED))


def a_report_that_comes_again_moves_the_payment_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Payment, "has_heard", lambda _payment, _cause_id: False)


def what_is_reserved_can_be_refunded_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle, "left_minor", lambda payment, refunds: payment.head.amount_minor - paid_minor(refunds))


def a_refund_does_not_tell_its_payment_of_its_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle, "told_by", lambda _payment: ())


def a_transition_takes_the_reporters_clock_as_it_is(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle, "max", lambda reported, _least: reported, raising=False)


def a_transitions_hash_leaves_out_the_one_before(patch: pytest.MonkeyPatch) -> None:
    sound = Transition.after
    patch.setattr(Transition, "after", lambda _previous_hash, **step: sound(b"", **step))


def a_stray_is_decided_where_it_lies(patch: pytest.MonkeyPatch) -> None:
    sound = Intake.read

    def read(intake: Intake[Any], record: InputRecord, *, is_at_home: bool) -> Any:
        found = sound(intake, record, is_at_home=is_at_home)
        if not isinstance(found, Stray):
            return found
        at_home = replace(record, partition=partition_of((record.key or b"").decode(), 8))  # type: ignore[type-var]
        return sound(intake, at_home, is_at_home=is_at_home)

    patch.setattr(Intake, "read", read)


def a_record_whose_decision_breaks_is_skipped(patch: pytest.MonkeyPatch) -> None:
    # As Faust does: an exception acknowledges.
    patch.setattr(decisions, "quarantine", lambda *_broken: None)
