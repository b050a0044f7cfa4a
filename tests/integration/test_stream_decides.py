"""What the stream app makes of what it reads, on a real Kafka, with one worker as a process of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import random
import uuid
from collections.abc import Callable, Iterator

import fastavro
import pytest
from msgspec.structs import replace

from directory.changes import Action, DirectoryCommand, DirectoryRecord, DirectorySecret
from directory.entities import Kind, Role, User, user_id
from directory.sealing import Sealed
from kafka_log.topics_admin import apply_topics
from payments.commands import CancelPayment, InitiatePayment, RailReport, RefundPayment, RefundReport, Report
from payments.payment import EventType, Status
from payments.rejection import RAW_BYTES_MAX
from schemas import codec, records, registry, topics
from schemas.partitioning import partition_of
from tests.integration.stream_worker import PARTITIONS, Stage
from tests.unit.payments.histories import MARCH, SECOND_US, T0_US

TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def stage(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    apply_topics(kafka_bootstrap, PARTITIONS)
    stage = Stage(kafka_bootstrap, tmp_path_factory.mktemp("stream"))
    stage.worker().wait_ready(partitions=PARTITIONS)
    yield stage
    stage.close()


def pay(stage: Stage, key: str, **changes: object) -> InitiatePayment:
    order = replace(MARCH, tenant_id=stage.tenant, idempotency_key=key, command_id=str(uuid.uuid4()))
    return replace(order, **changes)


def report(order: InitiatePayment, what: Report, after_s: int, *, code: str | None = None) -> RailReport:
    return RailReport(
        tenant_id=order.tenant_id,
        idempotency_key=order.idempotency_key,
        attempt=1,
        report=what,
        occurred_at_us=T0_US + after_s * SECOND_US,
        code=code,
    )


def test_a_payment_lives_through_the_reports_that_come(stage: Stage) -> None:
    order = pay(stage, "life")
    stage.order(order, headers=[("traceparent", TRACEPARENT), ("other", b"x")])
    for after_s, what, code in [(5, Report.CLAIMED, None), (150, Report.SETTLED, None), (200, Report.RETURNED, "R01")]:
        stage.sent()
        # A report waits for its predecessor, as the gateway does: two topics have no order between them.
        stage.wait_decided()
        stage.order(report(order, what, after_s, code=code))
    stage.sent()
    stage.wait_decided()

    *_, last = stage.histories()["life"]

    assert [step.event_type for step in last.transitions] == [
        EventType.INITIATED,
        EventType.PROCESSING,
        EventType.COMPLETED,
        EventType.RETURNED,
    ]
    assert last.status is Status.RETURNED
    assert last.failure is not None
    assert last.failure.code == "R01"
    assert last.created_by == order.command_id
    assert [step.occurred_at_us for step in last.transitions] == [
        T0_US + seconds * SECOND_US for seconds in (0, 5, 150, 200)
    ]
    first = next(m for m in stage.records(topics.PAYMENT_EVENTS) if m.key() == order.payment_id.encode())
    headers = dict(first.headers() or [])
    assert headers["ce_id"] == f"{order.payment_id}:1".encode()
    assert headers["traceparent"] == TRACEPARENT
    assert "other" not in headers


def test_duplicates_conflicts_and_strays_leave_one_payment_a_key(stage: Stage) -> None:
    chance = random.Random(3)
    orders = [pay(stage, f"many-{number}") for number in range(400)]
    conflicts = chance.sample(orders, 40)
    sendings = [*orders, *chance.sample(orders, 40)]
    chance.shuffle(sendings)
    for order in sendings:
        right = partition_of(order.key, PARTITIONS)
        # Every fifth goes where another partitioner would put it.
        stage.order(order, partition=(right + 1 + chance.randrange(7)) % 8 if chance.random() < 0.2 else -1)
    stage.sent()
    stage.wait_decided()
    for order in conflicts:
        other = replace(order, amount_minor=order.amount_minor + 1, command_id=str(uuid.uuid4()))
        stage.order(other, partition=chance.randrange(PARTITIONS))
    stage.sent()
    stage.wait_decided()

    histories = stage.histories()
    assert {key: len(history) for key, history in histories.items() if key.startswith("many-")} == {
        order.idempotency_key: 1 for order in orders
    }
    assert all(histories[order.idempotency_key][0].head.amount_minor == order.amount_minor for order in orders)
    refused = [each for each in stage.rejections() if each.tenant_id == stage.tenant]
    assert sorted(each.payment_id or "" for each in refused if each.reason == "idempotency-key-reused") == sorted(
        order.payment_id for order in conflicts
    )


def test_a_stray_is_forwarded_with_its_headers_and_not_decided_where_it_was(stage: Stage) -> None:
    order = pay(stage, "stray")
    right = partition_of(order.key, PARTITIONS)
    wrong = (right + 3) % PARTITIONS
    stage.order(order, partition=wrong, headers=[("traceparent", TRACEPARENT), ("mine", b"\x00\xff")])
    stage.sent()
    stage.wait_decided()

    seen = [m for m in stage.records(topics.PAYMENT_COMMANDS) if m.key() == order.key.encode()]

    assert [(m.partition(), m.value()) for m in sorted(seen, key=lambda m: m.partition() == right)] == [
        (wrong, codec.encode(order)),
        (right, codec.encode(order)),
    ]
    assert all(m.headers() == [("traceparent", TRACEPARENT), ("mine", b"\x00\xff")] for m in seen)
    assert len(stage.histories()["stray"]) == 1


def test_a_report_of_an_unknown_payment_and_a_late_cancel_are_refused(stage: Stage) -> None:
    order = pay(stage, "late-cancel")
    stage.order(report(pay(stage, "never-asked"), Report.SETTLED, 10))
    stage.order(order)
    stage.sent()
    stage.wait_decided()
    stage.order(report(order, Report.CLAIMED, 5))
    stage.sent()
    stage.wait_decided()
    cancel = CancelPayment(
        tenant_id=stage.tenant, idempotency_key="late-cancel", cancel_key="c", requested_at_us=T0_US + 6 * SECOND_US
    )
    stage.order(cancel)
    stage.sent()
    stage.wait_decided()

    reasons = {each.command_id: each.reason for each in stage.rejections() if each.tenant_id == stage.tenant}

    assert reasons[cancel.id] == "illegal-move"
    assert reasons[report(pay(stage, "never-asked"), Report.SETTLED, 10).id] == "payment-unknown"
    assert stage.histories()["late-cancel"][-1].status is Status.PROCESSING


def test_refunds_and_their_payments_tell_each_other_across_partitions_once(stage: Stage) -> None:
    order = pay(stage, "given-back")
    stage.order(order)
    decided(stage)
    for what, after_s in ((Report.CLAIMED, 5), (Report.SETTLED, 150)):
        stage.order(report(order, what, after_s))
        decided(stage)
    # Of 150,000: two of these fit, whichever come first; each is sent twice, and to wrong partitions.
    refunds = [refund_of(stage, order, f"back-{number}", 60_000) for number in range(4)]
    for number, refund in enumerate([*refunds, *refunds]):
        stage.order(refund, partition=number % PARTITIONS)
    decided(stage)
    histories = stage.histories()
    made = [key for key in histories if key.startswith("directpay:refund:")]
    assert len(made) == 2
    assert [step.event_type for step in histories["given-back"][-1].transitions[3:]] == [EventType.REFUND_INITIATED] * 2
    for key in made:
        for what, after_s in ((Report.CLAIMED, 300), (Report.SETTLED, 310)):
            stage.order(replace(report(order, what, after_s), idempotency_key=key))
            decided(stage)
    told = [codec.decode(message.value()) for message in stage.records(topics.RAIL_REPORTS)]
    reports = [each for each in told if isinstance(each, RefundReport) and each.tenant_id == stage.tenant]
    assert len(reports) == 2
    for each in reports:
        stage.order(each, partition=0)
    decided(stage)
    *_, last = stage.histories()["given-back"]
    assert (last.status, last.refunded_minor) == (Status.COMPLETED, 120_000)
    assert [step.event_type for step in last.transitions[5:]] == [EventType.REFUNDED] * 2
    rest = refund_of(stage, order, "the rest", None)
    stage.order(rest)
    decided(stage)
    assert stage.histories()[rest.refund_idempotency_key][-1].head.amount_minor == 30_000


def refund_of(stage: Stage, order: InitiatePayment, refund_key: str, amount_minor: int | None) -> RefundPayment:
    return RefundPayment(
        command_id=str(uuid.uuid4()),
        tenant_id=stage.tenant,
        idempotency_key=order.idempotency_key,
        refund_key=refund_key,
        amount_minor=amount_minor,
        requested_at_us=T0_US + 250 * SECOND_US,
    )


def decided(stage: Stage) -> None:
    """Return when what was sent is decided, and what that has sent on."""
    stage.sent()
    stage.wait_decided()


def broken_rule(stage: Stage) -> bytes:
    """Return a record that decodes and breaks a rule: an amount of 0."""
    newest = registry.newest_of("io.directpay.InitiatePayment")
    body = io.BytesIO()
    body.write(b"\0" + newest.schema_id.to_bytes(4, "big"))
    record = {**records.initiate_record(pay(stage, "poison")), "amount_minor": 0}
    fastavro.schemaless_writer(body, fastavro.parse_schema(newest.json), record)
    return body.getvalue()


Sent = tuple[str | bytes | None, bytes | None]

POISON: dict[str, tuple[str, Callable[[Stage], Sent]]] = {
    "garbage": ("undecodable", lambda stage: ("poison", b"hello")),
    "empty": ("undecodable", lambda stage: ("poison", b"")),
    "no value": ("undecodable", lambda stage: ("poison", None)),
    "truncated": ("undecodable", lambda stage: ("poison", codec.encode(pay(stage, "poison"))[:-3])),
    "more than 32 KiB": ("undecodable", lambda stage: ("poison", b"x" * 100_000)),
    "of another topic": ("undecodable", lambda s: ("poison", codec.encode(report(pay(s, "p"), Report.CLAIMED, 1)))),
    "a rule is broken": ("invalid-command", lambda stage: ("poison", broken_rule(stage))),
    "another key": ("key-mismatch", lambda stage: ("poison", codec.encode(pay(stage, "other")))),
    "no key": ("key-mismatch", lambda stage: (None, codec.encode(pay(stage, "poison")))),
    "a key that is not text": ("key-mismatch", lambda stage: (b"\xff\xfe", codec.encode(pay(stage, "poison")))),
    "a key beyond all bounds": ("key-mismatch", lambda stage: ("k" * 5000, codec.encode(pay(stage, "poison")))),
    "a key with NUL": ("undecodable", lambda stage: ("po\0ison", b"hello")),
    "too large": ("record-too-large", lambda stage: ("poison", b"x" * 950_000)),
    "unknown schema, no registry": ("unknown-schema", lambda stage: ("poison", b"\0\0\0\x99\x99hello")),
}


@pytest.mark.parametrize("kind", POISON)
def test_poison_is_put_aside_with_its_place_and_the_partition_goes_on(stage: Stage, kind: str) -> None:
    reason, make = POISON[kind]
    key, value = make(stage)
    raw_key = key.encode() if isinstance(key, str) else key
    follower = pay(stage, f"after {kind}")
    partition = partition_of(key, PARTITIONS) if isinstance(key, str) and reason != "record-too-large" else 3
    before = set(stage.rejections())
    stage.send(topics.PAYMENT_COMMANDS.name, key, value, partition=partition)
    stage.order(follower, partition=partition)
    stage.sent()
    stage.wait_decided()

    [rejection] = set(stage.rejections()) - before
    placed = [
        m
        for m in stage.records(topics.PAYMENT_COMMANDS)
        if m.partition() == rejection.partition and m.offset() == rejection.offset
    ]

    assert [(m.key(), m.value()) for m in placed] == [(raw_key, value)]
    assert (rejection.topic, rejection.partition, rejection.reason) == ("payment-commands", partition, reason)
    assert rejection.raw == (value or b"")[:RAW_BYTES_MAX]
    assert rejection.raw_bytes == len(value or b"")
    assert rejection.raw_sha256 == hashlib.sha256(value or b"").digest()
    assert rejection.key == ("poison" if key == "poison" else None)
    assert len(stage.histories()[follower.idempotency_key]) == 1


def test_what_can_be_read_of_a_broken_command_tells_its_sender(stage: Stage) -> None:
    order = pay(stage, "poison")
    stage.send(topics.PAYMENT_COMMANDS.name, order.key, broken_rule(stage))
    stage.sent()
    stage.wait_decided()

    [*_, rejection] = [each for each in stage.rejections() if each.key == order.key]

    assert (rejection.tenant_id, rejection.payment_id) == (stage.tenant, order.payment_id)
    assert rejection.command_id is not None
    assert [error.field for error in rejection.errors] == ["amount"]


def test_an_entity_is_created_once_with_its_secret(stage: Stage) -> None:
    email = f"{stage.tenant}@landlord.com"
    command = DirectoryCommand(
        command_id=str(uuid.uuid4()),
        action=Action.CREATE,
        entity_id=user_id(stage.tenant, email),
        tenant_id=stage.tenant,
        kind=Kind.USER,
        fingerprint=b"one",
        requested_at_us=T0_US,
        entity=User(email=email, role=Role.LANDLORD, name=None),
        sealed=Sealed(key_id="k1", nonce=b"n" * 12, ciphertext=b"c" * 40),
    )
    other = dataclasses.replace(command, command_id=str(uuid.uuid4()), fingerprint=b"two")
    for each in (command, command, dataclasses.replace(command, command_id=str(uuid.uuid4())), other):
        stage.send(topics.DIRECTORY_COMMANDS.name, each.entity_id, codec.encode(each))
    stage.sent()
    stage.wait_decided()

    key = command.entity_id.encode()
    [event] = [m for m in stage.records(topics.DIRECTORY_EVENTS) if m.key() == key]
    [secret] = [m for m in stage.records(topics.DIRECTORY_SECRETS) if m.key() == key]
    record, sealed = codec.decode(event.value()), codec.decode(secret.value())
    assert isinstance(record, DirectoryRecord)
    assert isinstance(sealed, DirectorySecret)
    assert (record.created_by, record.version, sealed.sealed) == (command.command_id, 1, command.sealed)
    assert event.partition() == secret.partition() == partition_of(command.entity_id, PARTITIONS)
    assert event.timestamp()[1] >= secret.timestamp()[1]
    refused = [each for each in stage.rejections() if each.entity_id == command.entity_id]
    assert [(each.reason, each.command_id) for each in refused] == [("entity-exists", other.command_id)]


def test_the_worker_tells_what_it_does(stage: Stage) -> None:
    figures = stage.workers[0].metrics()
    assert 'directpay_stream_decisions_total{agent="payments",decision="payment_initiated"}' in figures
    assert 'directpay_stream_rejections_total{agent="payments",reason="undecodable"}' in figures
    assert 'directpay_stream_forwarded_total{topic="payment-commands"}' in figures
    assert 'directpay_stream_lag_records{partition="0",topic="payment-commands"} 0.0' in figures
    assert 'directpay_stream_open_lanes{agent="payments"} 8.0' in figures
