"""Problem documents tell what is wrong, within bounds."""

from __future__ import annotations

from ingest_api.problems import ERRORS_MAX, FIELD_CHARACTERS_MAX, problem_of, problem_of_rejection
from payments.refusals import FieldError, InvalidCommand, KeyReusedWithOtherBody


def test_a_refusal_with_few_faults_is_told_whole() -> None:
    refusal = InvalidCommand((FieldError(field="amount", message="is required"),))
    assert problem_of(refusal).document() == {
        "type": "/docs/problems#invalid-command",
        "title": "A field's value is not valid",
        "status": 422,
        "detail": "amount: is required",
        "errors": [{"field": "amount", "message": "is required"}],
    }
    reused = KeyReusedWithOtherBody("6a5b1c1e-0d5f-4c55-9d4e-111111111111")
    assert problem_of(reused).detail == reused.detail


def test_a_body_of_faults_does_not_come_back_whole() -> None:
    faults = tuple(FieldError(field=f"{n}" + "x" * 5_000, message="is not a field") for n in range(10_000))
    document = problem_of(InvalidCommand(faults)).document()
    assert len(document["errors"]) == ERRORS_MAX
    assert document["errors"][7]["field"] == faults[7].field[:FIELD_CHARACTERS_MAX]
    assert len(document["detail"]) < 200 * ERRORS_MAX
    assert document["detail"].startswith(f"{faults[0].field[:FIELD_CHARACTERS_MAX]}: is not a field; 1x")
    assert len(problem_of_rejection("invalid-command", "it is", faults).document()["errors"]) == ERRORS_MAX


def test_a_name_that_is_no_unicode_text_can_be_answered() -> None:
    answer = problem_of(InvalidCommand((FieldError(field="\ud800" * 200, message="is not a field"),))).response()
    assert (answer.status_code, len(bytes(answer.body)) < 4_000) == (422, True)
