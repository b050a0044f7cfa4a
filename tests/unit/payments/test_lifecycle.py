from __future__ import annotations

from datetime import UTC, date, datetime, time
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from payments.commands import InitiatePayment, Order, RailReport, Report, ReportSource
from payments.decision import Moved, Unchanged
from payments.lifecycle import CANCEL, MOVES, Refunding, decide
from payments.payment import EventType, Failure, Payment, Status
from payments.rails import TIMINGS, Rail, claim_due_us, expected_settlement_us
from payments.refusals import IllegalMove, KeyReusedWithOtherBody, PaymentUnknown
from payments.windows import instant_us
from tests.unit.payments.histories import (
    COMMAND,
    IN_EACH_STATUS,
    MARCH,
    OTHER_COMMAND,
    SECOND_US,
    T0_US,
    after_all,
    cancelled,
    cancels,
    claimed,
    initiated,
    lives,
    moved,
    refund,
    refused,
    rejected,
    replay,
    reported,
    reports,
    returned,
    settled,
)

# What may be asked, and where each legal move leads; written out anew, so that a slip in MOVES is seen.
LEGAL = {
    ("pending", "cancelled"): ("cancelled", "payment_cancelled"),
    ("pending", "claimed"): ("processing", "payment_processing"),
    ("pending", "rejected"): ("failed", "payment_failed"),
    ("processing", "settled"): ("completed", "payment_completed"),
    ("processing", "rejected"): ("failed", "payment_failed"),
    ("processing", "returned"): ("failed", "payment_failed"),
    ("completed", "settled"): ("completed", "payment_suspense_recorded"),
    ("completed", "returned"): ("returned", "payment_returned"),
    ("failed", "settled"): ("failed", "payment_suspense_recorded"),
    ("cancelled", "settled"): ("cancelled", "payment_suspense_recorded"),
    ("returned", "settled"): ("returned", "payment_suspense_recorded"),
    ("refunded", "settled"): ("refunded", "payment_suspense_recorded"),
    ("refunded", "returned"): ("returned", "payment_returned"),
    ("completed", "refunded"): ("completed", "payment_refund_initiated"),
    ("completed", "refunded in part"): ("completed", "payment_refunded"),
    ("completed", "refunded in full"): ("refunded", "payment_refunded"),
    ("completed", "freed of a refund"): ("completed", "payment_refund_failed"),
    ("completed", "given a refund back"): ("completed", "payment_refund_returned"),
    ("refunded", "given a refund back"): ("completed", "payment_refund_returned"),
    ("returned", "refunded in part"): ("returned", "payment_refunded"),
    ("returned", "refunded in full"): ("returned", "payment_refunded"),
    ("returned", "freed of a refund"): ("returned", "payment_refund_failed"),
    ("returned", "given a refund back"): ("returned", "payment_refund_returned"),
}
ASKED: dict[str, Order] = {
    CANCEL: cancelled("a new cancel", at_us=T0_US + 900 * SECOND_US),
    # A second attempt: the first one's reports have been heard, and would change nothing.
    **{report.value: reported(report, attempt=2, at_us=T0_US + 900 * SECOND_US) for report in Report},
    # What refunds tell is asked of payments that know them: in test_refunding.
    Refunding.ASKED.value: refund("another", amount_minor=1, command_id=COMMAND[:-1] + "9"),
}


@pytest.mark.parametrize(("status", "asked"), list(product(Status, ASKED)), ids=str)
def test_every_pair_of_status_and_order_is_a_legal_move_or_refused(status: Status, asked: str) -> None:
    payment = IN_EACH_STATUS[status]
    decision = decide(ASKED[asked], payment)
    if (status.value, asked) in LEGAL:
        new_status, event_type = LEGAL[status.value, asked]
        after = moved(decision)
        assert (after.status.value, after.last.event_type.value) == (new_status, event_type)
        assert (after.last.previous_status, after.last.new_status) == (status, after.status)
        assert after.transitions[:-1] == payment.transitions
        assert after.head is payment.head
    else:
        refusal = refused(decision)
        assert isinstance(refusal, IllegalMove)
        assert (refusal.payment_id, refusal.status, refusal.asked) == (MARCH.payment_id, status.value, asked)
        assert refusal.code == "illegal-move"


def test_the_table_of_moves_holds_exactly_the_legal_ones() -> None:
    table = {
        (before.value, str(asked)): (after.value, event.value) for (before, asked), (after, event) in MOVES.items()
    }
    assert table == LEGAL


def test_only_what_sends_money_back_leads_out_of_completed_and_nothing_out_of_an_end() -> None:
    ways_out = {status: {after for (before, _), (after, _) in MOVES.items() if before is status} for status in Status}
    assert ways_out[Status.COMPLETED] - {Status.COMPLETED} == {Status.RETURNED, Status.REFUNDED}
    assert ways_out[Status.REFUNDED] - {Status.REFUNDED} == {Status.RETURNED, Status.COMPLETED}
    for end in (Status.FAILED, Status.CANCELLED, Status.RETURNED):
        assert ways_out[end] - {end} == set()


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PENDING])
def test_money_that_is_reported_after_the_claim_is_never_refused(status: Status) -> None:
    assert isinstance(decide(settled(attempt=2), IN_EACH_STATUS[status]), Moved)


def test_a_command_creates_a_pending_payment_as_it_was_asked_for() -> None:
    payment = moved(decide(MARCH, None))
    assert (payment.status, payment.attempt, payment.failure, payment.refunded_minor) == (Status.PENDING, 0, None, 0)
    assert (payment.payment_id, payment.created_by) == (MARCH.payment_id, COMMAND)
    first = payment.last
    assert (first.sequence, first.event_type, first.previous_status) == (1, EventType.INITIATED, None)
    assert (first.occurred_at_us, first.changes) == (T0_US, {})
    for field in ("tenant_id", "idempotency_key", "lease_id", "payer_account_id", "payee_account_id", "amount_minor",
                  "currency", "payment_rail_type", "description", "metadata_json", "effective_date", "refund_of",
                  "fingerprint"):  # fmt: skip
        assert getattr(payment.head, field) == getattr(MARCH, field), field
    assert (payment.head.initiated_at_us, payment.head.fingerprint_version) == (T0_US, 1)


@pytest.mark.parametrize("rail", Rail)
@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_a_payment_is_due_and_expected_by_its_rails_timing(rail: Rail, speed: float) -> None:
    head = moved(decide(replace(MARCH, payment_rail_type=rail.value), None, rail_speed=speed)).head
    assert head.payment_rail_type is rail
    assert head.due_at_us == claim_due_us(rail, T0_US, speed)
    assert head.expected_settlement_at_us == expected_settlement_us(rail, head.due_at_us, speed)


def test_a_payment_with_an_effective_date_is_not_due_before_that_day() -> None:
    head = initiated(replace(MARCH, effective_date="2025-03-01")).head
    march_1_us = int(datetime(2025, 3, 1, tzinfo=UTC).timestamp()) * SECOND_US
    assert head.due_at_us == march_1_us
    assert head.expected_settlement_at_us > march_1_us


@pytest.mark.parametrize(
    ("rail", "asked_at", "expected"),
    [
        # The debit settles at 13:00, and the credit of 14:45 at 17:00.
        (Rail.SAME_DAY_ACH, (10, 0), (1, 17, 0)),
        # Cut off 5 minutes before 10:30: its debit settles at 17:00, too late for that day's last file.
        (Rail.SAME_DAY_ACH, (10, 26), (2, 13, 0)),
        (Rail.STANDARD_ACH, (10, 0), (3, 8, 30)),
    ],
)
def test_ach_by_files_is_expected_to_settle_by_bank_hours(
    rail: Rail, asked_at: tuple[int, int], expected: tuple[int, int, int]
) -> None:
    at_us = instant_us(date(2026, 12, 1), time(*asked_at))
    order = replace(MARCH, payment_rail_type=rail.value, requested_at_us=at_us)
    decision = decide(order, None, ach_lead_us=300 * SECOND_US)
    assert isinstance(decision, Moved)
    day, hour, minute = expected
    assert decision.payment.head.expected_settlement_at_us == instant_us(date(2026, 12, day), time(hour, minute))


def test_other_rails_settle_as_ever_when_ach_goes_by_files() -> None:
    order = replace(MARCH, payment_rail_type=Rail.WIRE.value)
    assert decide(order, None, ach_lead_us=300 * SECOND_US) == decide(order, None)
    past = initiated(replace(MARCH, effective_date="2025-01-01")).head
    assert past.due_at_us == T0_US + TIMINGS[Rail.STANDARD_ACH].claim_delay_s * SECOND_US


@given(st.dates(datetime(2000, 1, 1).date(), datetime(2199, 12, 31).date()))  # noqa: DTZ001
def test_an_effective_date_is_due_from_its_midnight_in_utc(day: Any) -> None:
    head = initiated(replace(MARCH, effective_date=day.isoformat(), requested_at_us=946_684_800_000_000)).head
    midnight_us = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND_US
    assert head.due_at_us == max(midnight_us, 946_684_800_000_000 + 5 * SECOND_US)


@pytest.mark.parametrize("status", Status)
def test_the_same_body_again_changes_nothing_whatever_became_of_the_payment(status: Status) -> None:
    payment = IN_EACH_STATUS[status]
    again = replace(MARCH, command_id=OTHER_COMMAND, requested_at_us=T0_US + 3600 * SECOND_US)
    assert decide(MARCH, payment) == Unchanged(payment=payment)
    assert decide(again, payment) == Unchanged(payment=payment)


@pytest.mark.parametrize("status", Status)
def test_another_body_under_the_key_is_refused_and_the_payment_stays(status: Status) -> None:
    payment = IN_EACH_STATUS[status]
    refusal = refused(decide(replace(MARCH, amount_minor=1), payment))
    assert isinstance(refusal, KeyReusedWithOtherBody)
    assert (refusal.code, refusal.payment_id) == ("idempotency-key-reused", payment.payment_id)
    assert [error.field for error in refusal.errors] == ["idempotency_key"]


@pytest.mark.parametrize(
    "order", [cancelled(), claimed(), settled(), rejected(), returned()], ids=lambda order: order.id
)
def test_a_payment_that_no_command_created_is_unknown(order: Order) -> None:
    refusal = refused(decide(order, None))
    assert isinstance(refusal, PaymentUnknown)
    assert (refusal.code, refusal.payment_id) == ("payment-unknown", MARCH.payment_id)


def test_an_order_of_another_payment_stops_the_process() -> None:
    other = replace(settled(), idempotency_key="another")
    with pytest.raises(AssertionError, match="its own payment"):
        decide(other, initiated())


@pytest.mark.parametrize(
    "history",
    [
        [cancelled()],
        [claimed()],
        [claimed(), settled()],
        [claimed(), rejected()],
        [claimed(), settled(), returned()],
        [cancelled(), settled()],
        [claimed(), rejected(), settled()],
    ],
    ids=lambda history: history[-1].id,
)
def test_what_was_heard_before_changes_nothing_however_it_is_repeated(history: list[Order]) -> None:
    payment = replay(MARCH, *history)
    for order in history:
        assert decide(order, payment) == Unchanged(payment=payment)
        if isinstance(order, RailReport):
            in_other_words = replace(order, occurred_at_us=order.occurred_at_us + 1, reason="other words")
            assert decide(in_other_words, payment) == Unchanged(payment=payment)


def test_a_second_cancel_with_its_own_key_is_refused_and_with_the_same_key_heard_before() -> None:
    payment = replay(MARCH, cancelled("first"))
    assert decide(cancelled("first", at_us=T0_US + 99 * SECOND_US), payment) == Unchanged(payment=payment)
    assert isinstance(refused(decide(cancelled("second"), payment)), IllegalMove)
    assert payment.last.changes == {"cancel_key": "first"}


def test_a_cancel_and_a_claim_never_both_succeed() -> None:
    assert refused(decide(claimed(), replay(MARCH, cancelled()))).code == "illegal-move"
    assert refused(decide(cancelled(), replay(MARCH, claimed()))).code == "illegal-move"


def test_a_return_before_completion_is_a_failure_with_the_rails_code() -> None:
    payment = replay(MARCH, claimed(), returned(code="R29"))
    assert payment.status is Status.FAILED
    assert payment.failure == Failure(code="R29", reason="insufficient funds", source="rail")


def test_a_return_after_completion_is_returned_with_the_rails_code_and_keeps_when_it_completed() -> None:
    payment = replay(MARCH, claimed(), settled(), returned(code="R10"))
    assert payment.status is Status.RETURNED
    assert payment.failure == Failure(code="R10", reason="insufficient funds", source="rail")
    assert payment.completed_at_us == settled().occurred_at_us


def test_our_own_check_fails_a_payment_with_our_code_before_the_claim() -> None:
    payment = replay(MARCH, rejected(code="account_of_other_tenant", source=ReportSource.DIRECTPAY))
    assert payment.failure == Failure(code="account_of_other_tenant", reason="no account", source="directpay")


def test_money_after_a_failure_is_recorded_and_the_failure_stays() -> None:
    payment = replay(MARCH, claimed(), rejected(code="R03"), settled())
    assert (payment.status, payment.last.event_type) == (Status.FAILED, EventType.SUSPENSE_RECORDED)
    assert payment.failure is not None
    assert payment.failure.code == "R03"


def test_an_amount_that_the_bank_reports_otherwise_is_in_the_history() -> None:
    exact = replay(MARCH, claimed(), replace(settled(), amount_minor=150_000))
    assert "reported_amount" not in exact.last.changes
    other = replay(MARCH, claimed(), replace(settled(), amount_minor=149_999))
    assert other.last.changes["reported_amount"] == "1499.99"
    assert other.head.amount_minor == 150_000


def test_times_increase_though_the_clocks_of_machines_disagree() -> None:
    early = T0_US - 3600 * SECOND_US
    payment = replay(MARCH, claimed(at_us=early), settled(at_us=early), returned(at_us=early))
    assert [transition.occurred_at_us for transition in payment.transitions] == [T0_US, T0_US + 1, T0_US + 2, T0_US + 3]


@given(lives)
def test_any_life_is_gapless_linked_and_later_and_later(life: list[Order]) -> None:
    for payment in after_all(life):
        history = payment.transitions
        assert [transition.sequence for transition in history] == list(range(1, len(history) + 1))
        assert history[0].previous_status is None
        for before, after in pairwise(history):
            assert after.previous_status is before.new_status
            assert after.occurred_at_us > before.occurred_at_us
        assert payment.status is history[-1].new_status
        assert len({transition.caused_by for transition in history}) == len(history)


@given(lives)
def test_the_snapshot_says_what_its_transitions_say(life: list[Order]) -> None:
    for payment in after_all(life):
        told: dict[str, str] = {}
        for transition in payment.transitions:
            told |= transition.changes
        assert payment.attempt == int(told.get("attempt", "0"))
        if payment.failure is None:
            assert "failure_code" not in told
        else:
            assert payment.failure == Failure(
                code=told["failure_code"], reason=told["failure_reason"], source=told["failure_source"]
            )
        assert (payment.status in (Status.FAILED, Status.RETURNED)) is (payment.failure is not None)


@given(lives)
def test_deciding_twice_gives_the_same_payment_and_leaves_the_facts_alone(life: list[Order]) -> None:
    payment: Payment | None = None
    for order in life:
        facts = repr((order, payment))
        decision, again = decide(order, payment), decide(order, payment)
        assert repr((order, payment)) == facts
        if isinstance(decision, Moved):
            assert decision == again
            payment = decision.payment
        else:
            assert repr(decision) == repr(again)
    assert after_all(life) == after_all(life)


@given(lives, st.data())
def test_repeating_any_part_of_a_life_changes_nothing_that_it_moved(life: list[Order], data: st.DataObject) -> None:
    steps = after_all(life)
    payment = steps[-1]
    heard = [order for order in life if payment.has_heard(order.id)]
    repeats = data.draw(st.lists(st.sampled_from(heard), min_size=1))
    assert all(decide(order, payment) == Unchanged(payment=payment) for order in repeats)


@given(st.sampled_from(list(Status)), st.one_of(reports(), cancels))
def test_whatever_is_asked_of_a_payment_is_answered(status: Status, order: Order) -> None:
    payment = IN_EACH_STATUS[status]
    decision = decide(order, payment)
    if isinstance(decision, Moved):
        assert decision.payment.last.caused_by == order.id
        assert len(decision.payment.transitions) == len(payment.transitions) + 1


@given(lives)
def test_no_life_is_both_paid_and_cancelled(life: list[Order]) -> None:
    history = after_all(life)[-1].transitions
    event_types = {transition.event_type for transition in history}
    assert not {EventType.CANCELLED, EventType.PROCESSING} <= event_types
    assert not {EventType.CANCELLED, EventType.COMPLETED} <= event_types


def test_the_bytes_of_a_snapshot_do_not_depend_on_the_type_of_a_text() -> None:
    """Enumerations are text on the wire: what is decided and what is read back must be equal and hash alike."""
    order: InitiatePayment = replace(MARCH, payment_rail_type=Rail.STANDARD_ACH)
    assert decide(order, None) == decide(MARCH, None)
    payment = replay(MARCH, claimed(), rejected())
    assert all(type(text) is str for transition in payment.transitions for text in transition.changes.values())
