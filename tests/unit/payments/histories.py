"""Payments as tests tell of them: orders with sensible terms, and a replay that decides them one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID, uuid5

from hypothesis import strategies as st
from msgspec.structs import replace

from payments.commands import (
    ATTEMPTS_MAX,
    CancelPayment,
    InitiatePayment,
    Order,
    RailReport,
    RefundOutcome,
    RefundPayment,
    RefundReport,
    Report,
    ReportSource,
)
from payments.decision import Decision, Moved, Refused
from payments.lifecycle import decide
from payments.payment import Payment, Status
from payments.rails import Rail
from payments.refusals import Refusal

COMMAND = "0b0e2f9c-6a58-4b7a-9a55-0f5c8a3f7a01"
OTHER_COMMAND = "0b0e2f9c-6a58-4b7a-9a55-0f5c8a3f7a02"
LEASE = "5d3c1a50-4c0e-4f5d-8f5e-1a2b3c4d5e6f"
PAYER = "11111111-1111-4111-8111-111111111111"
PAYEE = "22222222-2222-4222-8222-222222222222"
T0_US = 1_740_061_920_000_000  # 2025-02-20T14:32:00Z, the seed document's payment.
SECOND_US = 1_000_000

MARCH = InitiatePayment(
    command_id=COMMAND,
    tenant_id="demo",
    idempotency_key="payment-march-001",
    lease_id=LEASE,
    payer_account_id=PAYER,
    payee_account_id=PAYEE,
    amount_minor=150_000,
    payment_rail_type=Rail.STANDARD_ACH.value,
    description="March rent",
    metadata_json='{"note":"thanks"}',
    requested_at_us=T0_US,
)


def initiated(order: InitiatePayment = MARCH) -> Payment:
    return replay(order)


def cancelled(cancel_key: str = "cancel-1", *, at_us: int = T0_US + SECOND_US) -> CancelPayment:
    return CancelPayment(
        tenant_id=MARCH.tenant_id, idempotency_key=MARCH.idempotency_key, cancel_key=cancel_key, requested_at_us=at_us
    )


def claimed(*, attempt: int = 1, at_us: int = T0_US + 5 * SECOND_US) -> RailReport:
    return reported(Report.CLAIMED, attempt=attempt, at_us=at_us, source=ReportSource.DIRECTPAY)


def settled(*, attempt: int = 1, at_us: int = T0_US + 150 * SECOND_US) -> RailReport:
    return reported(Report.SETTLED, attempt=attempt, at_us=at_us, bank_reference="bank-1")


def rejected(
    *,
    code: str = "R03",
    attempt: int = 1,
    source: ReportSource = ReportSource.RAIL,
    at_us: int = T0_US + 60 * SECOND_US,
) -> RailReport:
    return reported(Report.REJECTED, attempt=attempt, code=code, reason="no account", source=source, at_us=at_us)


def returned(*, code: str = "R01", attempt: int = 1, at_us: int = T0_US + 200 * SECOND_US) -> RailReport:
    return reported(Report.RETURNED, attempt=attempt, code=code, reason="insufficient funds", at_us=at_us)


def reported(
    report: Report,
    *,
    attempt: int = 1,
    at_us: int = T0_US + 10 * SECOND_US,
    code: str | None = None,
    reason: str | None = None,
    source: ReportSource = ReportSource.RAIL,
    bank_reference: str | None = None,
) -> RailReport:
    if code is None and report in (Report.REJECTED, Report.RETURNED):
        code = "R01"
    return RailReport(
        tenant_id=MARCH.tenant_id,
        idempotency_key=MARCH.idempotency_key,
        attempt=attempt,
        report=report,
        occurred_at_us=at_us,
        code=code,
        reason=reason,
        source=source,
        bank_reference=bank_reference,
    )


def replay(*orders: Order) -> Payment:
    """Return the payment after orders that all move it."""
    payment: Payment | None = None
    for order in orders:
        payment = moved(decide(order, payment))
    assert payment is not None
    return payment


def moved(decision: Decision) -> Payment:
    assert isinstance(decision, Moved), decision
    return decision.payment


def refused(decision: Decision) -> Refusal:
    assert isinstance(decision, Refused), decision
    return decision.refusal


def after_all(orders: Iterable[Order]) -> list[Payment]:
    """Return the payment after each order that moves it, the others being refused or heard before."""
    payment: Payment | None = None
    steps = []
    for order in orders:
        decision = decide(order, payment)
        if isinstance(decision, Moved):
            payment = decision.payment
            steps.append(payment)
    return steps


def refund(
    refund_key: str = "back",
    *,
    amount_minor: int | None = None,
    command_id: str = OTHER_COMMAND,
    at_us: int = T0_US + 300 * SECOND_US,
) -> RefundPayment:
    return RefundPayment(
        command_id=command_id,
        tenant_id=MARCH.tenant_id,
        idempotency_key=MARCH.idempotency_key,
        refund_key=refund_key,
        amount_minor=amount_minor,
        requested_at_us=at_us,
    )


def refund_told(
    outcome: RefundOutcome,
    refund_key: str = "back",
    *,
    sequence: int | None = None,
    at_us: int = T0_US + 400 * SECOND_US,
) -> RefundReport:
    """Return what a refund tells its original: as its third transition, or its fourth when it came back."""
    if sequence is None:
        sequence = 4 if outcome is RefundOutcome.RETURNED else 3
    return RefundReport(
        tenant_id=MARCH.tenant_id,
        idempotency_key=MARCH.idempotency_key,
        refund_id=refund(refund_key).refund_id,
        sequence=sequence,
        outcome=outcome,
        occurred_at_us=at_us,
    )


IN_EACH_STATUS: dict[Status, Payment] = {
    Status.PENDING: initiated(),
    Status.PROCESSING: replay(MARCH, claimed()),
    Status.COMPLETED: replay(MARCH, claimed(), settled()),
    Status.FAILED: replay(MARCH, claimed(), rejected()),
    Status.CANCELLED: replay(MARCH, cancelled()),
    Status.RETURNED: replay(MARCH, claimed(), settled(), returned()),
    Status.REFUNDED: replay(MARCH, claimed(), settled(), refund(), refund_told(RefundOutcome.COMPLETED)),
}

# What the field's texts may hold: any Unicode but NUL and lone surrogates.
clean_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=255).filter(
    lambda key: not key.startswith("directpay:")
)
tenants = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=":"), min_size=1, max_size=64)
times_us = st.integers(T0_US - 10**9, T0_US + 10**9)
amounts_minor = st.integers(1, 100_000_000)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | clean_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(clean_text, inner, max_size=4),
    max_leaves=8,
)
metadata = st.dictionaries(clean_text, json_values, max_size=4)


@st.composite
def reports(draw: st.DrawFn) -> RailReport:
    """Any report on the March payment, of a few attempts so that many are heard twice, at any time."""
    return reported(
        draw(st.sampled_from(Report)),
        attempt=draw(st.integers(1, 3) | st.just(ATTEMPTS_MAX)),
        at_us=draw(times_us),
        code=draw(st.sampled_from(["R01", "R29", "AC04", "account_not_found"])),
        reason=draw(st.none() | clean_text.map(lambda text: text[:100])),
        source=draw(st.sampled_from(ReportSource)),
        bank_reference=draw(st.none() | st.just("bank-1")),
    )


cancels = st.builds(cancelled, st.sampled_from(["cancel-1", "cancel-2"]), at_us=times_us)
refunds = st.builds(
    # Each body has a command of its own.
    lambda key, minor: refund(key, amount_minor=minor, command_id=str(uuid5(UUID(COMMAND), f"{key}:{minor}"))),
    st.sampled_from(["a", "b"]),
    st.sampled_from([None, 1, 50_000]),
)
refund_reports = st.builds(refund_told, st.sampled_from(RefundOutcome), st.sampled_from(["a", "b"]), at_us=times_us)
marches = st.builds(replace, st.just(MARCH), amount_minor=amounts_minor, payment_rail_type=st.sampled_from(Rail))
# A payment's life as the log may hold it: its command first, then anything in any order, often enough something legal.
lives = st.builds(
    lambda first, claim, rest: [first, *claim, *rest],
    marches,
    st.sampled_from([[], [claimed()], [claimed(), settled()]]),
    st.lists(reports() | cancels | refunds | refund_reports, max_size=8),
)
