"""What the gateway makes of records of payment-events."""

from __future__ import annotations

import pytest
from confluent_kafka import Message

from payments.payment import Payment, Status
from rails.payment_records import PaymentRecords
from schemas.codec import HEADER_BYTES, MAGIC, UnknownSchema, encode
from tests.unit.payments.histories import MARCH, after_all, claimed, settled

PENDING, PROCESSING, COMPLETED = after_all([MARCH, claimed(), settled()])
OF_A_NEWER_VERSION = MAGIC + (2**31).to_bytes(HEADER_BYTES - 1, "big")


def record(
    offset: int, value: Payment | bytes | None, *, key: bytes | None = None, status: str | None = None
) -> Message:
    return Message(
        topic="payment-events",
        partition=3,
        offset=offset,
        key=key or PENDING.payment_id.encode(),
        value=encode(value) if isinstance(value, Payment) else value,
        headers=[] if status is None else [("directpay_status", status.encode())],
    )


def test_an_open_payment_is_seen_with_its_bytes() -> None:
    for payment in (PENDING, PROCESSING):
        [seen] = PaymentRecords().seen([record(7, payment, status=payment.status)])
        assert (seen.partition, seen.next_offset) == (3, 8)
        assert (seen.payment_id, seen.payment, seen.value) == (payment.payment_id, payment, encode(payment))


@pytest.mark.parametrize("status", [None, Status.COMPLETED.value])
def test_a_closed_payment_is_seen_as_closed_with_a_status_in_its_headers_or_without(status: str | None) -> None:
    [seen] = PaymentRecords().seen([record(7, COMPLETED, status=status)])
    assert (seen.payment_id, seen.payment, seen.value) == (COMPLETED.payment_id, None, b"")


def test_what_is_closed_by_its_headers_is_not_decoded() -> None:
    [seen] = PaymentRecords().seen([record(7, OF_A_NEWER_VERSION, status=Status.COMPLETED.value)])
    assert (seen.payment_id, seen.payment) == (PENDING.payment_id, None)


def test_of_a_payments_records_only_the_newest_says_anything() -> None:
    first, second = PaymentRecords().seen([record(7, PENDING), record(9, PROCESSING)])
    assert (first.next_offset, first.payment_id, first.payment) == (8, None, None)
    assert (second.next_offset, second.payment) == (10, PROCESSING)


def test_a_payment_is_closed_by_a_tombstone() -> None:
    [seen] = PaymentRecords().seen([record(7, None)])
    assert (seen.payment_id, seen.payment) == (PENDING.payment_id, None)


@pytest.mark.parametrize(
    "strange", [record(7, b"nonsense"), record(7, PENDING, key=b"of another payment"), record(7, b"")]
)
def test_a_record_that_is_no_payment_of_its_key_is_passed_over(strange: Message) -> None:
    [seen] = PaymentRecords().seen([strange])
    assert (seen.next_offset, seen.payment_id, seen.payment) == (8, None, None)


def test_a_record_of_a_newer_version_is_never_passed_over() -> None:
    with pytest.raises(UnknownSchema):
        PaymentRecords().seen([record(7, OF_A_NEWER_VERSION)])
