"""The fold of the log on disk: the newest of everything, in the order of keys, and what shows on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from payments.payment import Payment
from payments.rejection import Rejection
from projections.batch import LogRecord
from projections.verification.faults import Fault, Kind
from projections.verification.logged import Logged, Unreadable
from projections.views.payments import Snapshot
from schemas.codec import UnknownSchema, encode
from schemas.deliveries import WebhookDelivery
from schemas.topics import DIRECTORY_EVENTS, PAYMENT_EVENTS, PAYMENT_REJECTIONS, WEBHOOK_DELIVERIES
from tests.unit.payments.histories import MARCH, T0_US, after_all, claimed, replay, settled
from tests.unit.payments.test_redrive import FAILED
from tests.unit.projections.deliveries import DELIVERED, RETRYING

STEPS = after_all([MARCH, claimed(), settled()])


def record(payment: Payment, **changes: object) -> LogRecord:
    plain = LogRecord(
        topic=PAYMENT_EVENTS.name,
        partition=3,
        offset=7,
        key=payment.payment_id.encode(),
        value=encode(payment),
        sequence=payment.last.sequence,
        at_us=T0_US,
    )
    return structs.replace(plain, **changes)


def of_topic(topic: str, value: Rejection | Payment | WebhookDelivery) -> LogRecord:
    return record(STEPS[0], topic=topic, value=encode(value), key=b"k", sequence=None)


class Heard:
    """A fold and the faults that it told."""

    def __init__(self, folder: str | Path) -> None:
        self.faults: list[Fault] = []
        self.logged = Logged(Path(folder) / "scratch", self.faults.append)

    @property
    def kinds(self) -> list[Kind]:
        return [fault.kind for fault in self.faults]


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    fold = Heard(tmp_path)
    yield fold
    fold.logged.close()


@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=8), st.booleans())
def test_the_furthest_record_stands_and_each_that_is_not_further_is_told(told: list[Payment], header: bool) -> None:
    with TemporaryDirectory() as folder:
        heard = Heard(folder)
        for payment in told:
            heard.logged.add(record(payment) if header else record(payment, sequence=None))
        furthest, late = 0, 0
        for payment in told:
            late += payment.last.sequence <= furthest
            furthest = max(furthest, payment.last.sequence)
        [(payment_id, found)] = heard.logged.each_payment()
        assert found == Snapshot(payment_id=payment_id, partition=3, payment=STEPS[furthest - 1])
        assert heard.kinds == [Kind.REPEATED] * late
        assert heard.logged.payments.count == 1
        heard.logged.close()


@pytest.mark.parametrize(
    ("told", "subject"),
    [
        (record(STEPS[0], key=None), "payment-events[3] offset 7"),
        (record(STEPS[0], value=None), STEPS[0].payment_id),
        (record(STEPS[0], value=b"garbage", sequence=None), STEPS[0].payment_id),
        (record(STEPS[0], key=b"\xff"), "\ufffd"),
        (record(STEPS[0], value=encode(FAILED), sequence=None), STEPS[0].payment_id),
        (of_topic(DIRECTORY_EVENTS.name, FAILED), "k"),
        (of_topic(PAYMENT_REJECTIONS.name, STEPS[0]), "k"),
        (of_topic(WEBHOOK_DELIVERIES.name, STEPS[0]), "k"),
    ],
)
def test_what_cannot_be_read_is_told(heard: Heard, told: LogRecord, subject: str) -> None:
    heard.logged.add(told)
    assert [(fault.kind, fault.subject) for fault in heard.faults] == [(Kind.UNREADABLE, subject)]
    assert not list(heard.logged.each_payment())


@pytest.mark.parametrize("change", [{"value": b"garbage"}, {"sequence": 3}, {"value": encode(FAILED)}])
def test_a_newest_record_that_is_not_what_its_header_says_is_unreadable(
    heard: Heard, change: dict[str, object]
) -> None:
    heard.logged.add(record(STEPS[1], **change))
    [(_, found)] = heard.logged.each_payment()
    assert isinstance(found, Unreadable)


def test_a_schema_of_a_newer_release_is_no_fault_and_no_verdict(heard: Heard) -> None:
    heard.logged.add(record(STEPS[0], value=b"\0\0\0\xff\xff"))
    with pytest.raises(UnknownSchema):
        list(heard.logged.each_payment())


def test_payments_come_in_the_order_of_their_ids(heard: Heard) -> None:
    orders = [MARCH.__class__(**{name: getattr(MARCH, name) for name in MARCH.__struct_fields__}
              | {"idempotency_key": f"k{n}"}) for n in range(50)]  # fmt: skip
    for order in orders:
        heard.logged.add(record(replay(order)))
    ids = [payment_id for payment_id, _ in heard.logged.each_payment()]
    assert ids == sorted(order.payment_id for order in orders)


def test_the_newest_refusal_of_a_command_stands(heard: Heard) -> None:
    newer = replace(FAILED, rejected_at_us=FAILED.rejected_at_us + 1, reason="decision-failed")
    for rejection in (FAILED, newer, FAILED):
        heard.logged.add(of_topic(PAYMENT_REJECTIONS.name, rejection))
    [(_, found)] = heard.logged.each_refusal()
    assert found == newer


def test_every_attempt_to_deliver_stands_as_it_was_first_written(heard: Heard) -> None:
    second = structs.replace(DELIVERED, attempt=2, tries=2)
    for delivery in (RETRYING, second, structs.replace(RETRYING, status_code=500)):
        heard.logged.add(of_topic(WEBHOOK_DELIVERIES.name, delivery))
    assert [found for _, found in heard.logged.each_delivery()] == [
        structs.replace(RETRYING, body=b""),
        structs.replace(second, body=b""),
    ]
