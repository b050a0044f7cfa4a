"""What a store gives back is what was decided, whether the worker wrote it or read it from the topic."""

from __future__ import annotations

from collections.abc import Set

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from directory.changes import DirectoryRecord
from payments.payment import Payment
from schemas import codec
from stream_app.stored import Snapshot, Step, stored, value_of
from tests.unit.schemas.values import directory_records, payments


def step_by_step(payment: Payment, batch_ends: Set[int]) -> Step:
    """Return the last step of a payment that was decided here step by step; after those numbered, a batch ended."""
    before: Snapshot | Step | None = None
    for count in range(1, len(payment.transitions) + 1):
        steps = payment.transitions[:count]
        step = Step(replace(payment, status=steps[-1].new_status, transitions=steps), before)
        before = value_of(stored(step)) if count in batch_ends else step
    return step


batch_ends = st.sets(st.integers(1, 8))


@given(payment=payments(), batch_ends=batch_ends)
def test_a_payment_that_grew_step_by_step_has_the_bytes_of_one_written_at_once(
    payment: Payment, batch_ends: Set[int]
) -> None:
    snapshot = step_by_step(payment, batch_ends).snapshot()
    assert snapshot.payment == payment
    assert snapshot.event() == codec.encode(payment)


@given(payment=payments(), batch_ends=batch_ends)
def test_a_payment_is_the_same_from_its_own_form_and_from_the_topics(payment: Payment, batch_ends: Set[int]) -> None:
    step = step_by_step(payment, batch_ends)
    assert value_of(stored(step)) == value_of(step.snapshot().event()) == step.snapshot()


@given(entity=directory_records())
def test_an_entity_is_stored_as_it_is_on_the_topic(entity: DirectoryRecord) -> None:
    assert value_of(stored(entity)) == value_of(codec.encode(entity)) == entity
