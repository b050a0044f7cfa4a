"""What is read directly is what fastavro reads, and bytes that it refuses are refused with its words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from payments.commands import InitiatePayment, RailReport
from payments.payment import Payment
from schemas import codec
from schemas.codec import Undecodable
from schemas.order_decoding import read_initiate, read_report
from schemas.payment_decoding import read_payment
from schemas.records import Value
from tests.contract import samples
from tests.unit.schemas.values import initiates, payments, reports

Plain = InitiatePayment | RailReport | Payment
READS: dict[type[Plain], Callable[[bytes], Value]] = {
    InitiatePayment: read_initiate,
    RailReport: read_report,
    Payment: read_payment,
}
plain = initiates | reports | payments()
SAMPLES = [samples.INITIATE_FULL, samples.RETURNED, samples.RETURNED_PAYMENT]


def by_fastavro(data: bytes) -> Value | str:
    """Return what fastavro makes of such a value's bytes, or what it says against them."""
    reader = codec._READERS[int.from_bytes(data[1:5], "big")]
    assert not isinstance(reader, str)
    try:
        return codec._value(data, reader)
    except Undecodable as error:
        return str(error)


def by_us(data: bytes) -> Value | str:
    try:
        return codec.decode(data)
    except Undecodable as error:
        return str(error)


@given(value=plain)
@example(value=structs.replace(samples.RETURNED_PAYMENT, refunded_minor=2**63 - 1))
@settings(max_examples=400)
def test_a_value_is_read_directly_as_it_was(value: Plain) -> None:
    assert repr(READS[type(value)](codec.encode(value))) == repr(value)


@given(value=plain, data=st.data())
@settings(max_examples=600)
def test_altered_bytes_are_what_fastavro_makes_of_them(value: Plain, data: st.DataObject) -> None:
    body = bytearray(codec.encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(5, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(body)), st.integers(5, len(body))))
    altered = bytes(body[:cut]) + data.draw(st.one_of(st.just(b""), st.binary(max_size=3)))
    assert repr(by_us(altered)) == repr(by_fastavro(altered))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
@given(body=st.binary(max_size=200))
@example(body=b"\xff" * 200)
@example(body=b"\x80" * 9 + b"\x01")
@example(body=b"\x7f" + b"a" * 100)
def test_any_bytes_are_what_fastavro_makes_of_them(sample: Plain, body: bytes) -> None:
    data = codec.encode(sample)[:5] + body
    assert repr(by_us(data)) == repr(by_fastavro(data))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_a_megabyte_of_continued_number_is_refused_at_once(sample: Plain) -> None:
    # Read as one number it would take minutes.
    with pytest.raises(ValueError):
        READS[type(sample)](codec.encode(sample)[:5] + b"\xff" * 900_000)
