"""What is found in statements, what is repaired, and that the balances follow from it."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from msgspec.structs import replace

from payments.commands import Report
from payments.decision import Moved, Unchanged
from payments.lifecycle import decide
from payments.payment import Status
from rails.simulated.statements.bookings import Item
from reconciliation.naming import payment_id_of
from reconciliation.statements.faults import InvalidStatement
from schemas.reconciliation import ItemResolution, MatchedBy, Resolution, StatementFinding, Verdict
from tests.unit.payments.histories import IN_EACH_STATUS, MARCH, settled
from tests.unit.reconciliation.desk_in_hand import (
    DAY,
    DeskInHand,
    batch,
    booking,
    known,
    reference_of,
    statement_file,
)

RENT = 150_000
FORMS = ["csv", "bai2", "camt.053"]
IN_TWO_FORMS = list(permutations(FORMS, 2))


def test_a_payment_is_matched_on_both_sides_and_the_proof_holds() -> None:
    rent = known("march")
    desk = DeskInHand([rent])
    ours = reference_of(rent)
    done, _ = desk.take(statement_file({"P": [booking(-RENT, ours)], "Q": [booking(RENT, ours)]}))
    assert (done.bookings, done.matched, done.unmatched_here, done.unproven) == (2, 2, 0, 0)
    assert [(it.account, it.side, it.matched_by) for it in desk.findings()] == [
        ("P", "payer", MatchedBy.END_TO_END_ID),
        ("Q", "payee", MatchedBy.END_TO_END_ID),
    ]
    assert [(it.ledger_minor, it.ahead_minor, it.behind_minor) for it in desk.proofs()] == [(-RENT, 0, 0), (RENT, 0, 0)]
    assert desk.items() == []


@pytest.mark.parametrize("form", FORMS)
def test_every_format_tells_the_same(form: str) -> None:
    rent, lost = known("march"), known("april", status=Status.PROCESSING)
    desk = DeskInHand([rent, lost])
    booked = [booking(RENT, reference_of(rent)), booking(RENT, reference_of(lost), reference="BK-2")]
    done, _ = desk.take(statement_file({"Q": booked}, form))
    assert (done.matched, done.repaired, done.unproven) == (1, 1, 0)


def test_a_lost_answer_is_repaired_once_however_often_it_is_told() -> None:
    waiting = IN_EACH_STATUS[Status.PROCESSING]
    desk = DeskInHand([waiting])
    ours = f"{waiting.payment_id.replace('-', '')}:1"
    data = statement_file({"Q": [booking(RENT, ours)]})
    done, is_replay = desk.take(data)
    assert (done.repaired, is_replay) == (1, False)
    assert desk.take(data) == (done, True)
    again, _ = desk.take(statement_file({"Q": [booking(RENT, ours)]}, "camt.053"))
    assert (again.repaired, again.known) == (0, 1)
    (report,) = desk.reports
    repaired = decide(report, waiting)
    assert isinstance(repaired, Moved)
    assert repaired.payment.status is Status.COMPLETED
    # The bank's own word comes later, and is the same.
    assert isinstance(decide(settled(), repaired.payment), Unchanged)


def test_what_only_the_payer_has_paid_is_no_arrival() -> None:
    waiting = known("march", status=Status.PROCESSING)
    desk = DeskInHand([waiting])
    done, _ = desk.take(statement_file({"P": [booking(-RENT, reference_of(waiting))]}))
    assert (done.matched, done.repaired) == (1, 0)
    assert desk.reports == []


def test_a_lost_return_is_reported_once_though_both_sides_show_it() -> None:
    paid = IN_EACH_STATUS[Status.COMPLETED]
    desk = DeskInHand([paid])
    ours = f"{paid.payment_id.replace('-', '')}:1"
    back = {
        "P": [booking(-RENT, ours), booking(RENT, ours, reference="BK-2", return_reason="R03")],
        "Q": [booking(RENT, ours), booking(-RENT, ours, reference="BK-2", return_reason="R03")],
    }
    done, _ = desk.take(statement_file(back))
    assert (done.matched, done.repaired, done.unproven) == (3, 1, 0)
    (report,) = desk.reports
    assert (report.report, report.code) == (Report.RETURNED, "R03")
    moved = decide(report, paid)
    assert isinstance(moved, Moved)
    assert moved.payment.status is Status.RETURNED


def test_what_arrived_and_came_back_unknown_to_us_is_reported_in_that_order() -> None:
    waiting = IN_EACH_STATUS[Status.PROCESSING]
    desk = DeskInHand([waiting])
    ours = f"{waiting.payment_id.replace('-', '')}:1"
    desk.take(statement_file({"Q": [booking(RENT, ours), booking(-RENT, ours, return_reason="R01")]}))
    assert [it.report for it in desk.reports] == [Report.SETTLED, Report.RETURNED]
    first = decide(desk.reports[0], waiting)
    assert isinstance(first, Moved)
    second = decide(desk.reports[1], first.payment)
    assert isinstance(second, Moved)
    assert second.payment.status is Status.RETURNED


@pytest.mark.parametrize(
    ("status", "amount_minor", "reason", "why"),
    [
        # A debit that came back may be presented again: until its bank says so, the payment has not failed.
        (Status.PROCESSING, RENT, "R01", "money came back, and the payment is processing"),
        (Status.PENDING, RENT, None, "money moved on the payee's side, and the payment is pending"),
        (Status.CANCELLED, RENT, None, "money moved on the payee's side, and the payment is cancelled"),
        (Status.FAILED, RENT, None, "money moved on the payee's side, and the payment is failed"),
    ],
)
def test_what_can_mean_something_else_is_for_a_person(
    status: Status, amount_minor: int, reason: str | None, why: str
) -> None:
    payment = known("march", status=status)
    desk = DeskInHand([payment])
    done, _ = desk.take(
        statement_file({"Q": [booking(amount_minor, reference_of(payment), return_reason=reason)]}), is_whole=False
    )
    assert (done.unmatched_at_bank, done.repaired, done.unproven) == (1, 0, 0)
    assert [it.finding.detail for it in desk.items("open")] == [why]
    assert desk.reports == []


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.COMPLETED])
def test_money_of_an_attempt_that_was_not_made_is_no_answer(status: Status) -> None:
    payment = IN_EACH_STATUS[status]
    desk = DeskInHand([payment])
    of_another = f"{payment.payment_id.replace('-', '')}:2"
    done, _ = desk.take(statement_file({"Q": [booking(RENT, of_another)]}), is_whole=False)
    # Reported, it would be heard beside the bank's own word of the first attempt: paid twice.
    assert (done.unmatched_at_bank, done.matched, done.repaired, done.unproven) == (1, 0, 0, 0)
    assert desk.reports == []
    assert [it.finding.detail for it in desk.items("open")] == ["it is of attempt 2, and the payment is at attempt 1"]


def test_what_came_back_of_an_arrival_that_was_not_reported_is_for_a_person() -> None:
    waiting = IN_EACH_STATUS[Status.PROCESSING]
    desk = DeskInHand([waiting])
    ours = f"{waiting.payment_id.replace('-', '')}:1"
    # Less arrived than was sent, so its arrival was not reported: its return would be the failure of a payment whose
    # settlement, told late, went to suspense and stayed there.
    there_and_back = [booking(RENT - 1, ours), booking(-RENT, ours, reference="BK-2", return_reason="R01")]
    done, _ = desk.take(statement_file({"Q": there_and_back}))
    assert (done.mismatched, done.unmatched_at_bank, done.repaired, done.unproven) == (1, 1, 0, 0)
    assert desk.reports == []


def test_a_bank_that_lists_the_newest_first_tells_the_same() -> None:
    waiting = IN_EACH_STATUS[Status.PROCESSING]
    ours = f"{waiting.payment_id.replace('-', '')}:1"
    there, back = booking(RENT, ours), booking(-RENT, ours, reference="BK-2", return_reason="R01")
    newest_first, oldest_first = DeskInHand([waiting]), DeskInHand([waiting])
    newest_first.take(statement_file({"Q": [back, there]}))
    oldest_first.take(statement_file({"Q": [there, back]}))
    assert newest_first.reports == oldest_first.reports
    assert [it.report for it in newest_first.reports] == [Report.SETTLED, Report.RETURNED]


@pytest.mark.parametrize("forms", IN_TWO_FORMS)
def test_a_day_in_two_formats_is_one_day(forms: tuple[str, str]) -> None:
    trace = "121042880000001"
    paid, lost = known("march"), known("april", status=Status.PROCESSING)
    wired, debited = known("may", status=Status.RETURNED), known("june", status=Status.RETURNED, bank_reference=trace)
    there, back = reference_of(wired), reference_of(debited)
    booked = [
        booking(RENT, reference_of(paid)),
        booking(RENT, reference_of(lost), reference="BK-2"),
        booking(RENT, there, reference="BK-3"),
        booking(-RENT, there, reference="BK-3", return_reason="R01", is_reversal=True),
        booking(RENT, back, reference="BK-4", trace_number=trace),
        booking(-RENT, back, reference="BK-4", trace_number=trace, return_reason="R03"),
        booking(-1_500, reference="FEE", text="account fee"),
    ]
    desk = DeskInHand([paid, lost, wired, debited])
    first, second = (desk.take(statement_file({"Q": booked}, form)).done for form in forms)
    assert (first.matched, first.repaired, first.unmatched_at_bank, first.unproven) == (5, 1, 1, 0)
    assert (second.known, second.bookings, second.unmatched_here, second.unproven) == (7, 7, 0, 0)


@pytest.mark.parametrize("forms", IN_TWO_FORMS)
def test_a_batch_in_two_formats_is_booked_once(forms: tuple[str, str]) -> None:
    payments = known("march"), known("april")
    items = [
        Item(amount_minor=RENT, reference=f"D-{number}", end_to_end_id=reference_of(it))
        for number, it in enumerate(payments)
    ]
    fee = booking(-1_500, reference="FEE", text="account fee")
    desk = DeskInHand(payments, own_accounts=["OURS"])
    for form in forms:
        done, _ = desk.take(statement_file({"OURS": [batch("FILE-1", *items), fee]}, form), is_whole=False)
        assert done.unproven == 0
    # Whichever came first: the payments are matched, and BAI2's total is no second booking of theirs.
    assert [it.verdict for it in desk.findings() if it.payment_id is not None] == [Verdict.MATCHED] * 2
    assert [it.finding.text for it in desk.items("open")] == ["account fee"]
    again, _ = desk.take(statement_file({"OURS": [batch("FILE-1", *items), fee]}, "bai2", number=9), is_whole=False)
    assert (again.known, again.bookings, again.unproven) == (2, 2, 0)


def test_a_total_that_a_person_has_closed_is_not_booked_beside_its_payments() -> None:
    rent = known("march")
    listed = batch("FILE-1", Item(amount_minor=RENT, reference="D-1", end_to_end_id=reference_of(rent)))
    desk = DeskInHand([rent], own_accounts=["OURS"])
    desk.take(statement_file({"OURS": [listed]}, "bai2"), is_whole=False)
    (item,) = desk.items("open")
    accepted = ItemResolution(
        finding_id=item.finding.finding_id,
        tenant_id="",
        resolution=Resolution.ACCEPTED,
        note="our file of the day",
        resolved_by="alice",
        resolved_at_us=1,
    )
    desk.append([accepted])
    done, _ = desk.take(statement_file({"OURS": [listed]}), is_whole=False)
    assert (done.matched, done.unproven) == (1, 0)
    assert [it.resolution for it in desk.items("resolved")] == [accepted]


def test_a_mistake_that_the_bank_undoes_is_no_return() -> None:
    paid = known("march")
    desk = DeskInHand([paid])
    ours = reference_of(paid)
    undone = booking(-RENT, ours, reference="BK-3", is_reversal=True)
    twice = [booking(RENT, ours), booking(RENT, ours, reference="BK-2"), undone]
    done, _ = desk.take(statement_file({"Q": twice}))
    assert (done.matched, done.duplicates, done.unmatched_at_bank, done.repaired) == (1, 1, 1, 0)
    assert done.unproven == 0


def test_another_amount_is_told_and_repairs_nothing() -> None:
    rent, lost = known("march"), known("april", status=Status.PROCESSING)
    desk = DeskInHand([rent, lost])
    wrong = [booking(RENT + 1, reference_of(rent)), booking(RENT - 1, reference_of(lost), reference="BK-2")]
    done, _ = desk.take(statement_file({"Q": wrong}))
    assert (done.mismatched, done.repaired, done.matched, done.unproven) == (2, 0, 0, 0)
    (proof,) = desk.proofs()
    assert (proof.mismatched_minor, proof.ledger_minor, proof.ahead_minor) == (0, RENT, RENT)
    assert desk.items("mismatched")[0].finding.detail == "1500.01 was booked for a payment of 1500.00"


def test_a_payment_that_no_statement_has_is_found_and_found_again_when_it_comes() -> None:
    rent = known("march")
    desk = DeskInHand([rent])
    done, _ = desk.take(statement_file({"Q": []}))
    assert (done.unmatched_here, done.matched) == (1, 0)
    (item,) = desk.items("open")
    assert item.finding.payment_id == rent.payment_id
    # Another day without it tells nothing new.
    assert desk.take(statement_file({"Q": []}, number=2)).done.unmatched_here == 0
    later, _ = desk.take(statement_file({"Q": [booking(RENT, reference_of(rent))]}, number=3))
    assert (later.matched, later.unmatched_here) == (1, 0)
    assert desk.items("open") == []
    (resolution,) = [it for it in desk.records if isinstance(it, ItemResolution)]
    assert (resolution.finding_id, resolution.resolution) == (item.finding.finding_id, Resolution.BOOKED_LATER)


def test_a_part_of_a_day_misses_nothing() -> None:
    desk = DeskInHand([known("march")])
    assert desk.take(statement_file({"Q": []}), is_whole=False).done.unmatched_here == 0


def test_a_failed_payment_whose_payer_got_nothing_back_is_found() -> None:
    failed = known("march", status=Status.FAILED)
    desk = DeskInHand([failed])
    taken = [booking(-RENT, reference_of(failed))]
    done, _ = desk.take(statement_file({"P": taken}))
    assert (done.matched, done.unmatched_here, done.unproven) == (1, 1, 0)
    (proof,) = desk.proofs()
    assert (proof.ledger_minor, proof.behind_minor) == (0, RENT)
    back = [*taken, booking(RENT, reference_of(failed), reference="BK-2", return_reason="R01")]
    done, _ = desk.take(statement_file({"P": back}, number=2))
    assert (done.matched, done.known, done.unmatched_here, done.unproven) == (1, 1, 0, 0)


def test_a_day_that_is_told_again_and_goes_on_is_not_told_twice() -> None:
    first, second = known("march"), known("april")
    desk = DeskInHand([first, second])
    fee = booking(-1_500, reference="FEE", text="account fee")
    morning = [booking(RENT, reference_of(first)), fee, fee]
    evening = [*morning, booking(RENT, reference_of(second), reference="BK-2"), fee]
    done, _ = desk.take(statement_file({"Q": morning}), is_whole=False)
    assert (done.matched, done.unmatched_at_bank, done.unproven) == (1, 2, 0)
    done, _ = desk.take(statement_file({"Q": evening}, "camt.053", number=2))
    assert (done.bookings, done.known, done.matched, done.unmatched_at_bank) == (5, 3, 1, 1)
    assert (done.duplicates, done.unproven) == (0, 0)


def test_an_amount_and_a_day_suggest_a_payment_and_match_none() -> None:
    rent = known("march")
    desk = DeskInHand([rent])
    done, _ = desk.take(
        statement_file({"Q": [booking(RENT, "RENT-MARCH"), booking(-42, reference="BK-2")]}), is_whole=False
    )
    assert (done.matched, done.unmatched_at_bank, done.unproven) == (0, 2, 0)
    assert [it.finding.suggested_payment_id for it in desk.items("open")] == [rent.payment_id, None]
    # Of two that are alike neither is suggested.
    alike = DeskInHand([rent, known("april")])
    alike.take(statement_file({"Q": [booking(RENT)]}), is_whole=False)
    assert [it.finding.suggested_payment_id for it in alike.items("open")] == [None]


@pytest.mark.parametrize("by", [MatchedBy.TRACE_NUMBER, MatchedBy.REFERENCE])
def test_a_trace_number_or_the_banks_reference_names_a_payment(by: MatchedBy) -> None:
    trace = "121042880000001"
    rent = known("march", bank_reference=trace)
    desk = DeskInHand([rent])
    named = booking(RENT, trace_number=trace) if by is MatchedBy.TRACE_NUMBER else booking(RENT, reference=trace)
    assert desk.take(statement_file({"Q": [named]})).done.matched == 1
    assert [it.matched_by for it in desk.findings()] == [by]


@pytest.mark.parametrize(
    ("days_later", "reason", "is_named"),
    [(0, None, True), (14, None, True), (15, None, False), (62, "R10", True), (91, "R10", False), (-2, None, False)],
)
def test_a_name_of_the_banks_names_what_moved_shortly_before(
    days_later: int, reason: str | None, is_named: bool
) -> None:
    # The bank begins to count anew: an old payment had the trace number, what is booked now is another's.
    trace = "121042880000001"
    day = DAY + timedelta(days=days_later)
    desk = DeskInHand([known("march", bank_reference=trace)])
    booked = booking(RENT if reason is None else -RENT, trace_number=trace, day=day, return_reason=reason)
    desk.take(statement_file({"Q": [booked]}, day=day), is_whole=False)
    assert [it.payment_id is not None for it in desk.findings()] == [is_named]


def test_a_name_of_the_banks_names_what_was_claimed_long_ago_and_presented_again() -> None:
    trace = "121042880000001"
    again = replace(known("march", bank_reference=trace), claimed_day=(DAY - timedelta(days=100)).isoformat())
    desk = DeskInHand([again])
    assert desk.take(statement_file({"Q": [booking(RENT, trace_number=trace)]})).done.matched == 1


def test_a_trace_number_of_two_payments_names_none() -> None:
    trace = "121042880000001"
    desk = DeskInHand([known("march", bank_reference=trace), known("april", bank_reference=trace)])
    done, _ = desk.take(statement_file({"Q": [booking(RENT, trace_number=trace)]}), is_whole=False)
    assert (done.matched, done.unmatched_at_bank) == (0, 1)


def test_names_of_two_payments_name_none() -> None:
    trace = "121042880000001"
    rent, other = known("march"), known("april", bank_reference=trace)
    desk = DeskInHand([rent, other])
    done, _ = desk.take(statement_file({"Q": [booking(RENT, reference_of(rent), trace_number=trace)]}), is_whole=False)
    assert (done.matched, done.unmatched_at_bank) == (0, 1)
    assert desk.findings()[0].detail == "its references name different payments"


def test_one_booking_of_a_file_is_many_payments_on_an_account_of_ours() -> None:
    paid, waiting, gone = known("march"), known("april", status=Status.PROCESSING), known("may", amount_minor=99)
    desk = DeskInHand([paid, waiting, gone])
    collected = [
        Item(amount_minor=RENT, reference=f"D-{number}", end_to_end_id=reference_of(it))
        for number, it in enumerate((paid, waiting))
    ]
    done, _ = desk.take(statement_file({"OURS": [batch("FILE-1", *collected)]}, "camt.053"), is_whole=False)
    # Money of the payer's has come in: that is no arrival, though on this account it is a credit.
    assert (done.bookings, done.matched, done.repaired, done.unproven) == (2, 2, 0, 0)
    sent = [replace_item(it, f"C-{number}") for number, it in enumerate(collected)]
    paid_out = booking(-RENT, reference_of(waiting), reference="C-9")
    done, _ = desk.take(statement_file({"OURS": [batch("FILE-2", sent[0]), paid_out]}, number=2))
    # The account is known for ours, also where a single payment is booked on it.
    assert (done.matched, done.repaired, done.unmatched_here) == (1, 1, 1)
    assert [it.finding.payment_id for it in desk.items("unmatched_here")] == [gone.payment_id]


def replace_item(item: Item, reference: str) -> Item:
    return Item(amount_minor=-item.amount_minor, reference=reference, end_to_end_id=item.end_to_end_id)


def test_what_we_collected_and_never_paid_out_is_missing_on_our_account() -> None:
    paid = known("march")
    desk = DeskInHand([paid], own_accounts=["OURS"])
    done, _ = desk.take(statement_file({"OURS": [booking(RENT, reference_of(paid))]}))
    assert (done.matched, done.unmatched_here, done.unproven) == (1, 1, 0)


def test_a_tenants_statement_is_compared_with_the_tenants_payments_only() -> None:
    ours, others = known("march"), known("march", tenant_id="other")
    desk = DeskInHand([ours, others])
    booked = [booking(RENT, reference_of(ours)), booking(RENT, reference_of(others), reference="BK-2")]
    done, _ = desk.take(statement_file({"Q": booked}), tenant_id="demo")
    assert (done.matched, done.unmatched_at_bank) == (1, 1)
    assert [it.finding.payment_id for it in desk.items(tenant_id="demo")] == [None]
    # The operator's is another comparison.
    done, _ = desk.take(statement_file({"Q": booked}))
    assert (done.matched, done.known) == (2, 0)


def test_a_file_that_is_refused_has_done_nothing() -> None:
    rent = known("march", status=Status.PROCESSING)
    desk = DeskInHand([rent])
    data = statement_file({"Q": [booking(RENT, reference_of(rent))]})
    with pytest.raises(InvalidStatement):
        desk.take(data.replace(b"file,", b"filed,"))
    assert (desk.records, desk.reports) == ([], [])


def test_a_desk_that_died_in_the_middle_does_the_rest() -> None:
    payments = [known(f"rent-{number}", status=Status.PROCESSING) for number in range(3)]
    data = statement_file(
        {"Q": [booking(RENT, reference_of(it), reference=f"BK-{n}") for n, it in enumerate(payments)]}
    )
    whole, cut = DeskInHand(payments), DeskInHand(payments)
    done, _ = whole.take(data)
    # Its first transaction was written, and no more.
    written = [it for it in whole.records if isinstance(it, StatementFinding)]
    cut.append(written[:2], whole.reports[:2])
    assert cut.take(data) == (done, False)
    assert cut.reports == whole.reports
    assert cut.findings() == whole.findings()


def test_the_first_resolution_of_an_item_holds() -> None:
    desk = DeskInHand()
    desk.take(statement_file({"Q": [booking(-1_500, text="fee")]}))
    (item,) = desk.items("open")
    said = ItemResolution(
        finding_id=item.finding.finding_id,
        tenant_id="",
        resolution=Resolution.ACCEPTED,
        note="the account's fee",
        resolved_by="alice",
        resolved_at_us=1,
    )
    desk.append([said, replace(said, resolved_by="bob")])
    assert [it.resolution for it in desk.items("resolved")] == [said]
    assert desk.items("open") == []
    assert [it.finding.verdict for it in desk.items()] == [Verdict.UNMATCHED_AT_BANK]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("4835616630363832ad96d580693eb73061 ", None),
        ("RENT MARCH", None),
        ("0a1b2c3d555545558555555555555555:1", ("0a1b2c3d-5555-4555-8555-555555555555", 1)),
        ("0A1B2C3D555545558555555555555555", ("0a1b2c3d-5555-4555-8555-555555555555", None)),
        ("0a1b2c3d-5555-4555-8555-555555555555:12", ("0a1b2c3d-5555-4555-8555-555555555555", 12)),
        ("0a1b2c3d555545558555555555555555:0", None),
        ("0a1b2c3d555545558555555555555555:1x", None),
    ],
)
def test_our_reference_is_read_with_and_without_hyphens(text: str, named: tuple[str, int | None] | None) -> None:
    assert payment_id_of(text) == named


def test_the_march_payment_is_known_by_its_days() -> None:
    days = {status: known_days(status) for status in (Status.PENDING, Status.FAILED, Status.RETURNED)}
    day = "2025-02-20"
    assert days == {
        Status.PENDING: (None, None, None),
        Status.FAILED: (day, None, day),
        Status.RETURNED: (day, day, day),
    }
    assert MARCH.amount_minor == RENT


def known_days(status: Status) -> tuple[str | None, str | None, str | None]:
    desk = DeskInHand([IN_EACH_STATUS[status]])
    found = desk.book.payments_of("").payment(IN_EACH_STATUS[status].payment_id)
    assert found is not None
    return found.claimed_day, found.settled_day, found.ended_day
