"""What a store gives back is what was decided, whether the worker wrote it or read it from the topic."""

from __future__ import annotations

from hypothesis import given
from msgspec.structs import replace

from directory.changes import DirectoryRecord
from payments.payment import Payment
from schemas import codec
from stream_app.stored import Snapshot, stored, value_of
from tests.unit.schemas.values import directory_records, payments


def step_by_step(payment: Payment) -> Snapshot:
    """Return the snapshot of a payment whose every step was decided here, one after the other."""
    snapshot = None
    for count in range(1, len(payment.transitions) + 1):
        steps = payment.transitions[:count]
        snapshot = Snapshot.after(replace(payment, status=steps[-1].new_status, transitions=steps), snapshot)
    assert snapshot is not None
    return snapshot


@given(payment=payments())
def test_a_payment_that_grew_step_by_step_has_the_bytes_of_one_written_at_once(payment: Payment) -> None:
    snapshot = step_by_step(payment)
    assert snapshot.payment == payment
    assert snapshot.event() == codec.encode(payment)


@given(payment=payments())
def test_a_payment_is_the_same_from_its_own_form_and_from_the_topics(payment: Payment) -> None:
    snapshot = step_by_step(payment)
    assert value_of(stored(snapshot)) == value_of(snapshot.event()) == snapshot


@given(entity=directory_records())
def test_an_entity_is_stored_as_it_is_on_the_topic(entity: DirectoryRecord) -> None:
    assert value_of(stored(entity)) == value_of(codec.encode(entity)) == entity
