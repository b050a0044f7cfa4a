"""What the bank says, as reports."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from payments.commands import ATTEMPTS_MAX, Report, ReportSource
from payments.idempotency import payment_id
from rails.bank import Answer, InvalidReference, Outcome, Reference, Result, Standing
from rails.reports import StrangeOutcome, in_rounds, outcome_report, refused_report
from tests.unit.payments.histories import MARCH, T0_US, claimed, replay

SETTLED = Outcome(
    reference=f"{MARCH.payment_id}:1",
    payment_key=MARCH.key,
    result=Result.SETTLED,
    amount_minor=150_000,
    occurred_at_us=T0_US,
    bank_reference="SIM000000000001",
)


def outcome(key: str, result: Result = Result.SETTLED) -> Outcome:
    code = None if result is Result.SETTLED else "R01"
    return replace(
        SETTLED, reference=f"{payment_id('acme', key)}:1", payment_key=f"acme:{key}", result=result, code=code
    )


def test_a_settlement_is_reported_at_the_banks_time() -> None:
    report = outcome_report(SETTLED)
    assert (report.payment_id, report.attempt, report.report) == (MARCH.payment_id, 1, Report.SETTLED)
    assert (report.occurred_at_us, report.amount_minor, report.source) == (T0_US, 150_000, ReportSource.RAIL)
    assert report.bank_reference == "SIM000000000001"


def test_the_same_outcome_told_twice_is_the_same_report() -> None:
    assert outcome_report(SETTLED).id == outcome_report(replace(SETTLED, occurred_at_us=T0_US + 5)).id
    assert outcome_report(SETTLED).id != outcome_report(replace(SETTLED, result=Result.RETURNED, code="R01")).id


def test_a_failure_has_a_code_and_what_a_bank_says_too_long_is_cut() -> None:
    report = outcome_report(replace(SETTLED, result=Result.REJECTED, code=None, reason="x" * 10_000))
    assert report.code == "unspecified"
    assert report.reason == "x" * 500
    assert len(outcome_report(replace(SETTLED, result=Result.RETURNED, code="R" * 999)).code or "") == 64


def test_a_key_with_colons_is_cut_at_the_tenants() -> None:
    report = outcome_report(outcome("a:b:c"))
    assert (report.tenant_id, report.idempotency_key) == ("acme", "a:b:c")


@pytest.mark.parametrize(
    "strange",
    [
        replace(SETTLED, reference="nonsense"),
        replace(SETTLED, reference=f"{MARCH.payment_id}:0"),
        replace(SETTLED, payment_key="acme:other"),
        replace(SETTLED, payment_key="nocolon"),
        replace(SETTLED, amount_minor=-1),
        replace(SETTLED, occurred_at_us=0),
    ],
)
def test_an_outcome_about_no_payment_of_ours_is_strange(strange: Outcome) -> None:
    with pytest.raises(StrangeOutcome):
        outcome_report(strange)


def test_an_instruction_that_the_bank_does_not_take_is_a_rejection() -> None:
    answer = Answer(reference=SETTLED.reference, standing=Standing.REFUSED, code="instruction_invalid", reason="field")
    report = refused_report(replay(MARCH, claimed()), answer, now_us=T0_US + 1)
    assert (report.report, report.code, report.attempt) == (Report.REJECTED, "instruction_invalid", 1)


def test_no_round_has_two_reports_of_one_payment_and_each_payments_order_is_kept() -> None:
    told = [
        outcome("a"),
        outcome("b"),
        outcome("a", Result.RETURNED),
        outcome("c"),
        outcome("a", Result.RETURNED),
    ]
    rounds = in_rounds(outcome_report(each) for each in told)
    assert [[(r.idempotency_key, r.report) for r in each] for each in rounds] == [
        [("a", Report.SETTLED), ("b", Report.SETTLED), ("c", Report.SETTLED)],
        [("a", Report.RETURNED)],
        [("a", Report.RETURNED)],
    ]
    assert in_rounds([]) == []


DIGITS = MARCH.payment_id.replace("-", "")


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", ":", "x:1", DIGITS, f"{DIGITS}:"),
        *(f"{DIGITS}:{attempt}" for attempt in ("0", "01", "-1", "\u00b2", "1.0", "100", "1\n")),
        *(f"{DIGITS[1:]}:1", f"{DIGITS.upper()}:1", f"{DIGITS[:8]}-{DIGITS[8:]}:1"),
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference):
        Reference.parse(text)


@given(st.uuids(), st.integers(1, ATTEMPTS_MAX))
def test_a_reference_fits_an_end_to_end_id_and_reads_as_it_is_written(payment: UUID, attempt: int) -> None:
    reference = Reference(payment_id=str(payment), attempt=attempt)
    assert len(str(reference)) <= 35  # ISO 20022's Max35Text.
    assert Reference.parse(str(reference)) == reference


def test_a_reference_of_earlier_releases_is_the_same() -> None:
    assert Reference.parse(f"{MARCH.payment_id}:12") == Reference(payment_id=MARCH.payment_id, attempt=12)
