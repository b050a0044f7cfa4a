"""The oracle over clients' answers: each check silent on what is sound, and able to fire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from chaos.answers import AnswerLog, Channel, Said, read_answers
from chaos.oracle import told as oracle
from chaos.oracle.told import CONFLICT
from chaos.oracle.violation import Kind, Violation
from tests.chaos.evidence import PAID, TERMS, cancel_answered, log, paid, told
from tests.unit.payments.histories import MARCH, cancelled, claimed

OTHER = replace(TERMS, amount_minor=1)
CONFLICTED = paid(said=Said.REFUSED, status=422, code=CONFLICT, terms=OTHER)
ACKNOWLEDGED = paid(status=None, channel=Channel.CRC32)
UNKNOWN = paid(said=Said.UNKNOWN, status=503)


def kinds(violations: Iterable[Violation]) -> list[Kind]:
    found = list(violations)
    assert all(violation.payment_id == MARCH.payment_id for violation in found)
    return [violation.kind for violation in found]


def test_what_clients_were_told_rightly_is_not_accused() -> None:
    answers = told(UNKNOWN, paid(), paid(status=200), ACKNOWLEDGED, CONFLICTED)
    for check in (
        oracle.accepted_are_there, oracle.all_were_asked_for, oracle.terms_are_those_told, oracle.created_once,
        oracle.refusals_hold, oracle.cancels_went_as_told,
    ):  # fmt: skip
        assert kinds(check(answers, log(*PAID))) == []


def test_an_accepted_payment_that_is_not_in_the_log_is_lost() -> None:
    for answer in (paid(), paid(status=202), paid(status=200), ACKNOWLEDGED):
        assert kinds(oracle.accepted_are_there(told(UNKNOWN, answer), log())) == [Kind.LOST]


def test_what_was_never_answered_may_be_absent() -> None:
    assert kinds(oracle.accepted_are_there(told(UNKNOWN), log())) == []


def test_a_payment_that_nobody_asked_for_is_a_phantom() -> None:
    assert kinds(oracle.all_were_asked_for(told(), log(MARCH))) == [Kind.PHANTOM]


def test_terms_other_than_the_told_ones_are_found() -> None:
    for status in (200, 201):
        answers = told(paid(), paid(status=status, terms=OTHER))
        assert kinds(oracle.terms_are_those_told(answers, log(MARCH))) == [Kind.OTHER_TERMS]


def test_terms_that_nobody_asked_for_are_found() -> None:
    answers = told(paid(status=202, terms=OTHER))
    assert kinds(oracle.terms_are_those_told(answers, log(MARCH))) == [Kind.OTHER_TERMS]


def test_a_202_of_a_body_that_lost_against_another_is_no_fault() -> None:
    answers = told(paid(), paid(status=202, terms=OTHER))
    assert kinds(oracle.terms_are_those_told(answers, log(MARCH))) == []


def test_two_creations_of_one_payment_are_found() -> None:
    assert kinds(oracle.created_once(told(paid(), paid()), log(MARCH))) == [Kind.CREATED_TWICE]


def test_a_sound_request_that_was_refused_is_found() -> None:
    for refused in (paid(said=Said.REFUSED, status=401), paid(said=Said.REFUSED, status=422, code="unknown-reference")):
        assert kinds(oracle.refusals_hold(told(refused), log(MARCH))) == [Kind.REFUSED_WRONGLY]


def test_a_key_that_was_refused_as_used_and_has_no_payment_is_found() -> None:
    assert kinds(oracle.refusals_hold(told(CONFLICTED), log())) == [Kind.REFUSED_WRONGLY]


def test_a_refused_body_that_became_the_payment_is_found() -> None:
    answers = told(replace(CONFLICTED, terms=TERMS))
    assert kinds(oracle.refusals_hold(answers, log(MARCH))) == [Kind.REFUSAL_BROKEN]


def test_a_cancel_that_was_granted_and_had_no_effect_is_found() -> None:
    answers = told(cancel_answered(cancelled().id, 200))
    assert kinds(oracle.cancels_went_as_told(answers, log(*PAID))) == [Kind.CANCEL_BROKEN]
    assert kinds(oracle.cancels_went_as_told(answers, log())) == [Kind.CANCEL_BROKEN]
    assert kinds(oracle.cancels_went_as_told(answers, log(MARCH, cancelled()))) == []


def test_a_cancel_that_was_refused_and_took_effect_is_found() -> None:
    answers = told(cancel_answered(cancelled().id, 409))
    assert kinds(oracle.cancels_went_as_told(answers, log(MARCH, cancelled()))) == [Kind.CANCEL_BROKEN]
    assert kinds(oracle.cancels_went_as_told(answers, log(*PAID))) == []
    # Another cancel was first: this one was rightly refused.
    assert kinds(oracle.cancels_went_as_told(answers, log(MARCH, cancelled("cancel-2")))) == []


def test_a_cancel_without_an_answer_may_go_either_way() -> None:
    acknowledged = cancel_answered(cancelled().id, None, channel=Channel.MURMUR2)
    for answer in (cancel_answered(cancelled().id, None), cancel_answered(cancelled().id, 404), acknowledged):
        for history in (PAID, (MARCH, cancelled())):
            assert kinds(oracle.cancels_went_as_told(told(answer), log(*history))) == []


def test_a_payment_that_does_not_end_is_found_unless_its_bank_is_silent() -> None:
    silent = frozenset({MARCH.payer_account_id})
    assert kinds(oracle.all_are_terminal(log(MARCH), frozenset())) == [Kind.NOT_TERMINAL]
    assert kinds(oracle.all_are_terminal(log(MARCH, claimed()), frozenset())) == [Kind.NOT_TERMINAL]
    assert kinds(oracle.all_are_terminal(log(*PAID), frozenset())) == []
    # A silent bank explains waiting for it, not waiting for the gateway.
    assert kinds(oracle.all_are_terminal(log(MARCH, claimed()), silent)) == []
    assert kinds(oracle.all_are_terminal(log(MARCH), silent)) == [Kind.NOT_TERMINAL]


def test_answers_come_back_from_the_disk_as_they_were_given(tmp_path: Path) -> None:
    given = [paid(), CONFLICTED, UNKNOWN, cancel_answered(cancelled().id, 200)]
    kept = AnswerLog(tmp_path / "answers.jsonl")
    for answer in given:
        kept.add(answer)
    kept.close()
    assert list(read_answers(tmp_path / "answers.jsonl")) == given
