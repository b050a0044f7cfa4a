"""An API that does not tell the truth is found."""

from __future__ import annotations

from tests.defects import of_the_api
from tests.defects.case import Case, cases
from tests.unit.ingest_api import test_answers

CASES = [
    Case(
        defect=of_the_api.a_replay_is_answered_201,
        found_by=test_answers.test_the_creator_gets_201_and_everybody_else_the_same_bytes_with_200,
    ),
    Case(
        defect=of_the_api.whoever_asks_is_told_that_the_payment_of_the_key_is_theirs,
        found_by=test_answers.test_another_body_under_a_key_is_refused,
    ),
    Case(
        defect=of_the_api.a_command_is_sent_under_a_key_of_its_own,
        found_by=test_answers.test_the_creator_gets_201_and_everybody_else_the_same_bytes_with_200,
    ),
    Case(
        defect=of_the_api.a_payment_is_accepted_before_kafka_has_it,
        found_by=test_answers.test_without_kafka_a_post_is_503_and_its_retry_makes_one_payment,
    ),
]


@cases(CASES)
def test_an_untrue_answer_is_found(case: Case) -> None:
    case.check()
