"""What a store gives back is what was decided, whether the worker wrote it or read it from the topic."""

from __future__ import annotations

from hypothesis import given

from payments.payment import Payment
from schemas import codec
from schemas.records import Value
from stream_app.stored import stored, value_of
from tests.unit.schemas.values import payments, values


@given(payment=payments())
def test_a_payment_comes_back_as_it_was(payment: Payment) -> None:
    assert value_of(stored(payment)) == payment
    assert codec.encode(value_of(stored(payment))) == codec.encode(payment)


@given(value=values)
def test_every_value_is_read_from_its_own_form_and_from_the_topics(value: Value) -> None:
    assert value_of(stored(value)) == value_of(codec.encode(value)) == value
