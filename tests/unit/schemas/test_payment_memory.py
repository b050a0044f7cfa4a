"""What was remembered of a payment changes nothing of what its next record says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.commands import Order
from payments.payment import Payment
from schemas import codec
from schemas.codec import Undecodable, UnknownSchema
from schemas.payment_memory import PaymentMemory, tenant_of
from schemas.records import Value
from tests.unit.payments.histories import MARCH, after_all, claimed, lives, replay, settled
from tests.unit.schemas.values import payments

EVENT = codec.encode(replay(MARCH))


def decoded(data: bytes | None, memory: PaymentMemory | None = None) -> Value | str:
    try:
        return memory.decode(data) if memory is not None else codec.decode(data)
    except (Undecodable, UnknownSchema) as error:
        return repr(error)


@given(each=st.lists(lives, min_size=1, max_size=3), order=st.lists(st.integers(0, 40), max_size=30))
def test_any_order_and_repetition_is_read_as_without_memory(each: list[list[Order]], order: list[int]) -> None:
    records = [codec.encode(payment) for life in each for payment in after_all(life)]
    memory = PaymentMemory(payments_max=2)
    for data in [*records, *(records[index % len(records)] for index in order)]:
        assert repr(decoded(data, memory)) == repr(decoded(data))


@given(before=payments(), data=st.data())
@settings(max_examples=300)
def test_altered_bytes_are_read_as_without_memory(before: Value, data: st.DataObject) -> None:
    intact = codec.encode(before)
    body = bytearray(intact)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    memory = PaymentMemory()
    assert repr(decoded(intact, memory)) == repr(before)
    for altered in (bytes(body), bytes(body[: data.draw(st.integers(0, len(body)))]), None, intact):
        assert repr(decoded(altered, memory)) == repr(decoded(altered))


def test_only_what_is_new_is_read_and_what_has_ended_is_forgotten() -> None:
    steps = [codec.encode(payment) for payment in after_all([MARCH, claimed(), settled()])]
    memory = PaymentMemory()
    first, second, third = (memory.decode(data) for data in steps)
    assert second.head is first.head  # type: ignore[union-attr]
    assert third.transitions[1] is second.transitions[1]  # type: ignore[union-attr]
    assert memory.decode(steps[1]).head is not first.head  # type: ignore[union-attr]


@given(payments())
def test_whose_event_it_is_is_known_without_reading_it(payment: Payment) -> None:
    assert tenant_of(codec.encode(payment)) == payment.head.tenant_id


@pytest.mark.parametrize(
    "data", [b"", b"garbage", codec.encode(MARCH), *(EVENT[:size] for size in (5, 20, 42, 43, 44))]
)
def test_what_does_not_say_whose_it_is_has_to_be_read(data: bytes) -> None:
    assert tenant_of(data) is None
