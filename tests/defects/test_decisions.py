"""Whatever could be decided wrongly is found by the oracle over the log, or by the tests of the rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chaos.oracle.violation import Kind
from payments.payment import Status
from tests.defects import judged, of_decisions
from tests.defects.case import Case, cases
from tests.unit.payments import test_lifecycle

CASES = [
    Case(
        defect=of_decisions.a_command_that_comes_again_creates_its_payment_again,
        found_by=judged.everything_comes_twice,
        seen_as=Kind.DOUBLED_EVENT,
    ),
    Case(
        defect=of_decisions.another_body_under_a_used_key_is_taken_for_a_replay,
        found_by=test_lifecycle.test_another_body_under_the_key_is_refused_and_the_payment_stays,
        given=(Status.PENDING,),
    ),
    Case(
        defect=of_decisions.a_cancel_after_the_claim_is_obeyed,
        found_by=judged.a_cancel_comes_after_the_claim,
        seen_as=Kind.PAID_AND_CANCELLED,
    ),
    Case(
        defect=of_decisions.a_report_that_comes_again_moves_the_payment_again,
        found_by=judged.everything_comes_twice,
        seen_as=Kind.BANK_DIFFERS,
    ),
    Case(
        defect=of_decisions.what_is_reserved_can_be_refunded_again,
        found_by=judged.refunds_race_each_other,
        seen_as=Kind.OVER_REFUNDED,
    ),
    Case(
        defect=of_decisions.a_refund_does_not_tell_its_payment_of_its_end,
        found_by=judged.a_refund_is_paid,
        seen_as=Kind.RESERVED_LEFT,
    ),
    Case(
        defect=of_decisions.a_transition_takes_the_reporters_clock_as_it_is,
        found_by=judged.the_reporters_clock_is_late,
        seen_as=Kind.TIME_TURNED,
    ),
    Case(
        defect=of_decisions.a_transitions_hash_leaves_out_the_one_before,
        found_by=judged.everything_comes_twice,
        seen_as=Kind.CHAIN_BROKEN,
    ),
    Case(
        defect=of_decisions.a_stray_is_decided_where_it_lies,
        found_by=judged.a_command_comes_over_both_partitioners,
        seen_as=Kind.MISPLACED,
    ),
    Case(
        defect=of_decisions.a_record_whose_decision_breaks_is_skipped,
        found_by=judged.a_decision_breaks,
        seen_as=Kind.POISON_SWALLOWED,
    ),
]


@cases(CASES)
def test_a_wrong_decision_is_found(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("story", [case.found_by for case in CASES if case.seen_as is not None])
def test_the_oracle_has_nothing_to_say_of_right_decisions(story: Callable[[], set[Kind]]) -> None:
    assert story() == set()
