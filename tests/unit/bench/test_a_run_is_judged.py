"""A run whose events are not all there, or not only once, does not count."""

from __future__ import annotations

import pytest

from bench.inputs import lives
from bench.judge import Judge, RunDoesNotCount, expected_events
from bench.restore_stage import require_restored
from payments.payment import Payment, Status, first_broken_link
from schemas import codec

COMPLETE = [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("b", 2), ("b", 3)]


def heard(events: list[tuple[str, int]]) -> Judge:
    judge = Judge(["a", "b"])
    for payment_id, sequence in events:
        judge.hear(payment_id, sequence)
    return judge


def test_three_events_a_payment_each_once_and_in_order_count() -> None:
    verdict = heard(COMPLETE).verdict()
    verdict.require()
    assert (verdict.payments, verdict.events) == (2, 6)


def test_a_missing_event_fails_the_run() -> None:
    verdict = heard(COMPLETE[:-1]).verdict()
    assert verdict.lost == 1
    with pytest.raises(RunDoesNotCount):
        verdict.require()


def test_an_event_too_many_fails_the_run() -> None:
    verdict = heard([*COMPLETE, ("a", 2)]).verdict()
    assert (verdict.lost, verdict.doubled) == (0, 1)
    with pytest.raises(RunDoesNotCount):
        verdict.require()


def test_events_out_of_order_fail_the_run() -> None:
    verdict = heard([("a", 1), ("a", 3), ("a", 2), *((each, n) for each, n in COMPLETE if each == "b")]).verdict()
    assert (verdict.lost, verdict.doubled, verdict.out_of_order) == (0, 0, 1)
    with pytest.raises(RunDoesNotCount):
        verdict.require()


def test_an_event_of_another_payment_fails_the_run() -> None:
    verdict = heard([*COMPLETE, ("c", 1)]).verdict()
    assert verdict.strange == 1
    with pytest.raises(RunDoesNotCount):
        verdict.require()


def test_payments_that_were_to_break_are_not_missed() -> None:
    assert heard([each for each in COMPLETE if each[0] == "a"]).verdict(besides=frozenset({"b"})).lost == 0


def test_the_inputs_of_a_run_mean_a_completed_payment() -> None:
    life = next(lives("run", 1))
    payments = [codec.decode(each) for each in expected_events(life)]
    last = payments[-1]
    assert len(payments) == 3
    assert isinstance(last, Payment)
    assert last.status is Status.COMPLETED
    assert last.payment_id == life.order.payment_id
    assert first_broken_link(last) is None


def test_a_restore_of_too_few_records_does_not_count() -> None:
    require_restored(10, 10)
    with pytest.raises(RunDoesNotCount):
        require_restored(9, 10)
