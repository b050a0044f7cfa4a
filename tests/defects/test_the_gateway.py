"""A gateway that sends what it may not send, or forgets what it was told, is found."""

from __future__ import annotations

import asyncio

from tests.defects import of_the_gateway
from tests.defects.case import Case, cases
from tests.unit.rails import test_desks, test_hand

AT_THE_DESKS = [
    Case(
        defect=of_the_gateway.what_was_claimed_is_sent_before_the_claim_is_decided,
        found_by=test_desks.test_a_claim_reaches_the_bank_only_when_the_log_has_decided_it,
    ),
    Case(
        defect=of_the_gateway.what_got_no_answer_is_sent_again,
        found_by=test_desks.test_a_submit_without_an_answer_is_asked_about_and_not_sent_again,
    ),
    Case(
        defect=of_the_gateway.the_place_in_the_banks_feed_moves_before_the_log_has_the_reports,
        found_by=test_desks.test_a_settlement_is_told_before_the_return_though_the_log_fails_in_between,
    ),
]
IN_HAND = [
    Case(
        defect=of_the_gateway.after_a_restart_what_is_processing_is_sent_without_asking,
        found_by=test_hand.test_processing_that_is_news_is_submitted_and_processing_met_on_the_way_is_asked_about,
    ),
]
CASES = [*AT_THE_DESKS, *IN_HAND]


@cases(AT_THE_DESKS)
def test_a_desk_that_sends_or_forgets_is_found(case: Case) -> None:
    with asyncio.Runner() as runner:
        case.check(runner)


@cases(IN_HAND)
def test_a_hand_that_gives_out_the_wrong_work_is_found(case: Case) -> None:
    with asyncio.Runner() as runner:
        test_hand.hand_loop[:] = [runner]
        case.check()
