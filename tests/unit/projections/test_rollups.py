"""Sums: the same whatever the split of a payment's life, each payment in one place, percentiles within their error."""

from __future__ import annotations

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from payments.commands import Order, RefundOutcome
from payments.payment import Payment, Status
from projections import rollup
from projections.views import daily_failures, daily_payments, leases, settle_times
from projections.views.leases import Stood
from projections.views.payments import Snapshot
from tests.unit.payments.histories import (
    LEASE,
    MARCH,
    T0_US,
    after_all,
    claimed,
    lives,
    refund,
    refund_told,
    replay,
    returned,
    settled,
)

VIEWS = (daily_payments, daily_failures, settle_times)


def snapshot(payment: Payment) -> Snapshot:
    return Snapshot(payment_id=payment.payment_id, partition=3, payment=payment)


def stood(payment: Payment | None) -> Stood:
    if payment is None:
        return Stood()
    return Stood(sequence=payment.last.sequence, status=payment.status, refunded_minor=payment.refunded_minor)


@given(life=lives, kept=st.sets(st.integers(0, 9)))
def test_any_split_of_a_life_gives_the_same_sums(life: list[Order], kept: set[int]) -> None:
    steps = after_all(life)
    # The snapshots that batches end with; the last one always.
    seen = [step for place, step in enumerate(steps) if place in kept or step is steps[-1]]
    for view in VIEWS:
        whole = rollup.summed(view.lines(snapshot(steps[-1]), after_sequence=0))
        split = rollup.summed(
            line
            for before, step in zip([None, *seen], seen, strict=False)
            for line in view.lines(snapshot(step), after_sequence=stood(before).sequence)
        )
        assert split == whole
    paid: Counter[tuple[str, str]] = Counter()
    for before, step in zip([None, *seen], seen, strict=False):
        change = leases.paid(snapshot(step), stood(before))
        if change is not None:
            paid[change[0]] += change[1]
    at_once = leases.paid(snapshot(steps[-1]), Stood())
    assert dict(paid) == (dict([at_once]) if at_once is not None else {})


@given(life=lives)
def test_a_payment_counts_once_where_it_stands(life: list[Order]) -> None:
    payment = after_all(life)[-1]
    sums = rollup.summed(daily_payments.lines(snapshot(payment), after_sequence=0))
    counted = {key[3]: values for key, values in sums.items() if values != (0, 0)}
    assert counted == {payment.status.value: (1, payment.head.amount_minor)}
    assert {key[1] for key in sums} == {rollup.day_of(payment.head.initiated_at_us)}


def test_what_was_returned_or_refunded_is_not_paid() -> None:
    completed = replay(MARCH, claimed(), settled())
    tenant_and_lease = ("demo", LEASE)
    assert leases.paid(snapshot(replay(MARCH, claimed())), Stood()) is None
    assert leases.paid(snapshot(completed), Stood()) == (tenant_and_lease, 150_000)
    part_refunded = replace(completed, refunded_minor=50_000)
    assert leases.paid(snapshot(part_refunded), Stood()) == (tenant_and_lease, 100_000)
    gone_back = replay(MARCH, claimed(), settled(), returned())
    assert leases.paid(snapshot(gone_back), stood(completed)) == (tenant_and_lease, -150_000)
    # All in one batch: nothing is paid, and the lease is known to have been.
    assert leases.paid(snapshot(gone_back), Stood()) == (tenant_and_lease, 0)
    refunded = replay(MARCH, claimed(), settled(), refund(amount_minor=50_000), refund_told(RefundOutcome.COMPLETED))
    assert leases.paid(snapshot(refunded), stood(completed)) == (tenant_and_lease, -50_000)
    came_back = replay(
        MARCH, claimed(), settled(), refund(amount_minor=50_000),
        *[refund_told(outcome) for outcome in (RefundOutcome.COMPLETED, RefundOutcome.RETURNED)],
    )  # fmt: skip
    assert leases.paid(snapshot(came_back), stood(refunded)) == (tenant_and_lease, 50_000)
    of_refund = replace(completed, head=replace(completed.head, refund_of=completed.payment_id))
    assert leases.paid(snapshot(of_refund), Stood()) is None


@given(st.integers(0, 10**16))
def test_a_duration_is_kept_within_eight_thousandths(us: int) -> None:
    assert abs(settle_times.rounded(us) - us) <= us * 0.008
    assert settle_times.rounded(settle_times.rounded(us)) == settle_times.rounded(us)


def test_a_return_is_counted_by_the_days_since_completion() -> None:
    day_us = rollup.DAY_US
    payment = replay(MARCH, claimed(), settled(), returned(at_us=T0_US + 3 * day_us))
    assert payment.status is Status.RETURNED
    ((key, count, amount_minor),) = daily_failures.lines(snapshot(payment), after_sequence=0)
    assert key == ("demo", date(2025, 2, 23), "standard_ach", "payment_returned", "R01", 3, "USD", 3)
    assert (count, amount_minor) == (1, 150_000)
