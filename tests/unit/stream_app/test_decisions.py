"""Deciding one record: what is written of it, and what one bad record does to the others (nothing)."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from directory.changes import Action, DirectoryCommand
from directory.entities import Kind, Role, User, user_id
from directory.sealing import Sealed
from payments.commands import CancelPayment, InitiatePayment, InitiateRefund, Order, RailReport, RefundReport
from payments.decision import Decision, Moved
from payments.lifecycle import decide
from payments.payment import Payment
from payments.rejection import RAW_BYTES_MAX, Rejection
from schemas import codec, topics
from schemas.partitioning import partition_of
from schemas.registry import newest_of
from stream_app.agents import decide_partition
from stream_app.decisions import PaymentDecisions, Written, directory_decisions, payment_decisions
from stream_app.exactly_once.lane import Lane
from stream_app.exactly_once.records import Fetch, Headers
from stream_app.schema_source import SchemaSource
from stream_app.stored import StateOfUnknownSchema, stored, value_of
from stream_app.table import Table
from tests.unit.payments.histories import MARCH, T0_US, cancelled, claimed, refund, replay, settled
from tests.unit.stream_app.fetched import Memory, Process, Read, decide_batch
from tests.unit.stream_app.fetched import settled as until

PARTITIONS = 8
HOME = partition_of(MARCH.key, PARTITIONS)


def command(order: Order, *, offset: int = 0, headers: Headers = ()) -> Read:
    is_report = isinstance(order, RailReport | RefundReport | InitiateRefund)
    return Read(
        topic=topics.RAIL_REPORTS.name if is_report else topics.PAYMENT_COMMANDS.name,
        partition=partition_of(order.key, PARTITIONS),
        offset=offset,
        key=order.key.encode(),
        value=codec.encode(order),
        headers=headers,
    )


def payments() -> PaymentDecisions:
    return payment_decisions(partitions=PARTITIONS, rail_speed=1.0)


def new_table() -> Table[Any]:
    return Table(Memory(), encode=stored, decode=value_of)


def decided(*records: Read, decisions: PaymentDecisions | None = None) -> Written:
    return decide_batch(decisions or payments(), records, new_table())


def rejection_in(written: Written) -> Rejection:
    [record] = written.records
    assert record.topic == "payment-rejections"
    assert record.value is not None
    rejection = codec.decode(record.value)
    assert isinstance(rejection, Rejection)
    return rejection


def test_a_batch_decides_each_order_on_what_the_one_before_it_left() -> None:
    written = decided(command(MARCH), command(MARCH), command(claimed()), command(settled()), command(settled()))

    events = [codec.decode(record.value) for record in written.records]
    assert [event.last.sequence for event in events if isinstance(event, Payment)] == [1, 2, 3]
    assert {(record.topic, record.partition, record.key) for record in written.records} == {
        ("payment-events", HOME, MARCH.payment_id.encode())
    }


def test_deciding_a_batch_again_on_the_restored_table_writes_nothing() -> None:
    batch = [command(MARCH), command(claimed()), command(settled())]
    log = {record.key: record.value for record in decided(*batch).records if record.key is not None}
    store = Memory()
    store.write(log, next_offset=3)
    table: Table[Any] = Table(store, encode=stored, decode=value_of)
    again = decide_batch(payments(), batch, table)
    assert (again.secrets, again.records) == ([], [])


def test_only_the_trace_of_a_command_goes_on_to_its_event() -> None:
    written = decided(command(MARCH, headers=[("a", b"1"), ("traceparent", b"t"), ("traceparent", b"u")]))
    headers = list(written.records[0].headers)
    assert [value for name, value in headers if name == "traceparent"] == [b"t"]
    assert "a" not in dict(headers)


def test_an_order_whose_decision_breaks_is_put_aside_and_the_others_are_decided() -> None:
    def rule(order: Order, payment: Payment | None, *, rail_speed: float) -> Decision:
        if order.idempotency_key == "boom":
            raise ZeroDivisionError("secret detail")
        return decide(order, payment, rail_speed=rail_speed)

    boom = replace(MARCH, idempotency_key="boom")
    written = decided(command(boom), command(MARCH), decisions=dataclasses.replace(payments(), rule=rule))

    [aside, event] = written.records
    assert rejection_in(Written(records=[aside])).reason == "decision-failed"
    # The exception's text may hold anything; its name is enough for the sender, the log has the rest.
    assert rejection_in(Written(records=[aside])).detail == "ZeroDivisionError"
    assert rejection_in(Written(records=[aside])).payment_id == boom.payment_id
    assert event.topic == "payment-events"


def test_a_refund_is_asked_for_by_the_batch_that_reserves_it_and_told_by_the_batch_that_ends_it() -> None:
    trace = [("traceparent", b"t")]
    written = decided(
        command(MARCH), command(claimed()), command(settled()), command(refund(amount_minor=1), headers=trace)
    )
    *events, asked = written.records
    assert [event.topic for event in events] == ["payment-events"] * 4
    assert (asked.topic, asked.partition, asked.headers) == ("rail-reports", None, trace)
    making = codec.decode(asked.value)
    assert isinstance(making, InitiateRefund)
    assert asked.key == making.key.encode()
    stop = CancelPayment(
        tenant_id="demo", idempotency_key=making.idempotency_key, cancel_key="stop", requested_at_us=T0_US
    )
    *_, told = decided(command(making), command(stop)).records
    assert (told.topic, told.key, told.partition) == ("rail-reports", MARCH.key.encode(), None)
    report = codec.decode(told.value)
    assert isinstance(report, RefundReport)
    assert isinstance(decide(report, replay(MARCH, claimed(), settled(), refund(amount_minor=1))), Moved)


def test_nobody_makes_a_refund_that_no_payment_has_reserved() -> None:
    *_, asked = decided(command(MARCH), command(claimed()), command(settled()), command(refund())).records
    forged = Read(
        topic=topics.PAYMENT_COMMANDS.name,
        partition=partition_of(asked.key or b"", PARTITIONS),
        key=asked.key,
        value=asked.value,
    )
    written = decided(forged)
    assert rejection_in(written).reason == "undecodable"
    assert "payment-commands takes" in rejection_in(written).detail


def test_a_refused_refund_is_told_of_by_its_own_id() -> None:
    rejection = rejection_in(decided(command(refund())))
    assert (rejection.reason, rejection.payment_id, rejection.command_id) == (
        "payment-unknown",
        refund().refund_id,
        refund().command_id,
    )


def test_no_record_is_looked_up_under_a_key_of_the_stores_own() -> None:
    record = Read(topic=topics.DIRECTORY_COMMANDS.name, key=b"\0position")
    assert directory_decisions(partitions=PARTITIONS).id_of(record) is None


def test_a_refusal_names_payment_and_command() -> None:
    rejection = rejection_in(decided(command(cancelled())))
    assert (rejection.reason, rejection.payment_id, rejection.command_id) == (
        "payment-unknown",
        MARCH.payment_id,
        cancelled().id,
    )


def test_the_same_refused_record_gives_the_same_bytes() -> None:
    assert decided(command(cancelled())) == decided(command(cancelled()))


def test_a_stray_is_forwarded_as_it_is() -> None:
    stray = dataclasses.replace(command(MARCH, headers=[("x", b"\xff")]), partition=(HOME + 1) % PARTITIONS)
    [forwarded] = decided(stray).records
    assert (forwarded.topic, forwarded.key, forwarded.value, forwarded.partition) == (
        stray.topic,
        stray.key,
        stray.value,
        HOME,
    )
    assert list(forwarded.headers) == [("x", b"\xff")]


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(Read(topic="payment-commands", key=b"k" * 800_000, partition=1), id="a huge key"),
        pytest.param(Read(topic="payment-commands", value=b"v" * 990_000), id="a huge value"),
        pytest.param(Read(topic="payment-commands", headers=[("h", b"v" * 990_000)]), id="huge headers"),
        pytest.param(Read(topic="payment-commands", key=None), id="no key"),
        pytest.param(Read(topic="payment-commands", key=b"\0\0", partition=partition_of("\0\0", 8)), id="NUL"),
        pytest.param(Read(topic="payment-commands", key=b"", partition=partition_of("", 8), value=None), id="empty"),
    ],
)
def test_whatever_is_refused_can_be_written_and_stored(read: Read) -> None:
    written = decided(read)
    rejection = rejection_in(written)
    assert rejection.raw == (read.value or b"")[:RAW_BYTES_MAX]
    assert rejection.raw_sha256 == hashlib.sha256(read.value or b"").digest()
    assert rejection.key is None or "\0" not in rejection.key
    assert len(written.records[0].value or b"") + len(written.records[0].key or b"") < 100_000


def create_user(**changes: Any) -> DirectoryCommand:
    return DirectoryCommand(
        **{
            "command_id": MARCH.command_id,
            "action": Action.CREATE,
            "entity_id": user_id("demo", "alice@landlord.com"),
            "tenant_id": "demo",
            "kind": Kind.USER,
            "fingerprint": b"f",
            "requested_at_us": T0_US,
            "entity": User(email="alice@landlord.com", role=Role.LANDLORD, name=None),
            "sealed": Sealed(key_id="k1", nonce=b"n" * 12, ciphertext=b"c" * 40),
            **changes,
        }
    )


def test_an_entitys_secret_is_written_in_the_stage_before_its_event() -> None:
    user = create_user()
    read = Read(
        topic=topics.DIRECTORY_COMMANDS.name,
        partition=partition_of(user.entity_id, PARTITIONS),
        key=user.entity_id.encode(),
        value=codec.encode(user),
    )
    written = decide_batch(directory_decisions(partitions=PARTITIONS), [read], new_table())

    assert [record.topic for record in written.secrets] == ["directory-secrets"]
    assert [record.topic for record in written.records] == ["directory-events"]
    assert written.secrets[0].partition == written.records[0].partition == read.partition


def run_partition(
    process: Process, reads: list[Read], done: Callable[[Lane], bool], schemas: SchemaSource | None = None
) -> None:
    async def history() -> None:
        lane = Lane(agent="payments", partition=HOME, generation=1, after_seek=0, surroundings=process.surroundings())

        async def work(lane: Lane) -> None:
            await decide_partition(
                lane, events_topic="payment-events", decisions=payments(), schemas=schemas or SchemaSource(None)
            )

        lane.start(work)
        lane.take(
            Fetch(topic="payment-commands", partition=HOME, generation=1, seek=1, number=0, sought=0, records=reads)
        )
        await until(lambda: done(lane))
        await lane.close()

    asyncio.run(history())


@pytest.mark.parametrize("broken", range(5))
def test_one_whose_event_cannot_be_written_is_put_aside_and_the_others_are_decided(
    broken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [*others(4)]
    orders.insert(broken, MARCH)
    sound = codec.event_headers

    def headers(payment: Payment) -> list[tuple[str, bytes]]:
        if payment.key == MARCH.key:
            raise ZeroDivisionError("secret detail")
        return sound(payment)

    monkeypatch.setattr(codec, "event_headers", headers)
    process = Process()
    reads = [dataclasses.replace(command(order), offset=offset, partition=HOME) for offset, order in enumerate(orders)]

    run_partition(process, reads, lambda lane: bool(process.failures) or lane.next_offsets == {"payment-commands": 5})

    written = [record for transaction in process.log.committed for record in transaction]
    events = [record.key for record in written if record.topic == "payment-events"]
    assert events == [order.payment_id.encode() for order in orders if order is not MARCH]
    [aside] = [record for record in written if record.topic == "payment-rejections"]
    assert rejection_in(Written(records=[aside])).detail == "ZeroDivisionError"
    assert MARCH.payment_id.encode() not in process.memory.values


def others(count: int) -> Iterator[InitiatePayment]:
    """Yield commands of other payments that live on the same partition."""
    orders = (replace(MARCH, idempotency_key=f"other-{number}") for number in itertools.count())
    return itertools.islice((order for order in orders if partition_of(order.key, PARTITIONS) == HOME), count)


def with_schema_id(value: bytes, schema_id: int) -> bytes:
    return value[:1] + schema_id.to_bytes(4, "big") + value[5:]


def test_without_a_registry_an_unknown_schema_is_poison_and_the_rest_of_the_batch_is_decided() -> None:
    process = Process()
    unknown = dataclasses.replace(command(MARCH), value=with_schema_id(codec.encode(MARCH), 77_777))
    reads = [command(MARCH), dataclasses.replace(unknown, offset=1), command(order_with_other_body(), offset=2)]

    run_partition(process, reads, lambda lane: lane.next_offsets == {"payment-commands": 3})

    written = [record for transaction in process.log.committed for record in transaction]
    assert [record.topic for record in written] == ["payment-events", "payment-rejections", "payment-rejections"]
    reasons = [rejection_in(Written(records=[record])).reason for record in written[1:]]
    assert reasons == ["unknown-schema", "idempotency-key-reused"]


def test_a_state_that_cannot_be_read_stops_the_worker_and_refuses_no_command() -> None:
    stored = with_schema_id(codec.encode(decide_initiate()), 77_778)
    process = Process(history=[(MARCH.payment_id.encode(), stored)])

    run_partition(process, [command(MARCH)], lambda lane: bool(process.failures))

    assert [record for transaction in process.log.committed for record in transaction] == []
    assert isinstance(process.failures[0][1], StateOfUnknownSchema)


class Registry(SchemaSource):
    """Knows every schema that it is asked for: it is the newest of payment-events."""

    async def resolve(self, schema_id: int, lane: Lane) -> None:
        codec.register(schema_id, newest_of("io.directpay.PaymentEvent").text)


def test_a_command_waits_until_the_schema_of_its_payments_state_is_known() -> None:
    stored = with_schema_id(codec.encode(decide_initiate()), 77_779)
    process = Process(history=[(MARCH.payment_id.encode(), stored)])

    run_partition(
        process,
        [command(MARCH)],
        lambda lane: bool(process.failures) or lane.next_offsets == {"payment-commands": 1},
        Registry(None),
    )

    assert process.failures == []
    assert [record for transaction in process.log.committed for record in transaction] == []


def order_with_other_body() -> InitiatePayment:
    return replace(MARCH, amount_minor=MARCH.amount_minor + 1)


def decide_initiate() -> Payment:
    decision = decide(MARCH, None)
    assert hasattr(decision, "payment")
    payment: Payment = decision.payment
    return payment
