"""What the chaos run's oracle says of orders that the stream app decides, with the bank's books beside its log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from msgspec import structs

from chaos.oracle import bank, books, refused
from chaos.oracle.bank import Transfer
from chaos.oracle.history import Event, Log
from chaos.oracle.refunds import Refunds
from chaos.oracle.violation import Kind, Violation
from payments.commands import Order
from payments.decision import Decision
from payments.payment import Payment
from payments.rejection import Rejection
from schemas import codec, topics
from stream_app.decisions import Written, payment_decisions
from stream_app.stored import stored, value_of
from stream_app.table import Table
from tests.chaos.evidence import PAID, PARTITIONS, entries, log_of, snapshots, transfer
from tests.unit.payments.histories import (
    MARCH,
    OTHER_COMMAND,
    T0_US,
    cancelled,
    claimed,
    refund,
    returned,
    settled,
)
from tests.unit.stream_app.fetched import Memory, Read, decide_batch
from tests.unit.stream_app.test_decisions import HOME, command


def decided(records: Iterable[Read]) -> Log:
    """Return the log as the stream app writes it, each partition with a table of its own."""
    written: Written = Written()
    tables: dict[int, Table[Any]] = {}
    decisions = payment_decisions(partitions=PARTITIONS, rail_speed=1.0)
    for record in records:
        table = tables.setdefault(record.partition, Table(Memory(), encode=stored, decode=value_of))
        decisions.decide(record, decisions.read(record, decisions.id_of(record), table), table, written)
    decisions.encode(written)
    return Log(events_in(written), partitions=PARTITIONS)


def events_in(written: Written) -> Iterable[Event]:
    for offset, record in enumerate(written.records):
        if record.topic == topics.PAYMENT_EVENTS.name:
            payment = codec.decode(record.value)
            assert isinstance(payment, Payment)
            assert record.key is not None
            assert record.partition is not None
            assert record.value is not None
            yield Event(
                partition=record.partition,
                offset=offset,
                key=record.key.decode(),
                value=record.value,
                payment=payment,
            )


def judged(records: Iterable[Read], transfers: Sequence[Transfer] = ()) -> set[Kind]:
    log = decided(records)
    lines = [entry for payment in log.payments() for entry in entries(payment)]
    found: list[Violation] = [*log.violations, *books.entries_fit(lines, log)]
    if transfers:
        found += bank.transfers_fit(transfers, log)
    return {violation.kind for violation in found}


def in_order(*orders: Order) -> list[Read]:
    return [command(order, offset=offset) for offset, order in enumerate(orders)]


def everything_comes_twice() -> set[Kind]:
    return judged(in_order(*[order for order in PAID for _ in range(2)]), [transfer()])


def a_payment_is_returned() -> set[Kind]:
    return judged(in_order(*PAID, returned()), [transfer("returned")])


def a_cancel_comes_after_the_claim() -> set[Kind]:
    return judged(in_order(MARCH, claimed(), cancelled()), [transfer("in_progress")])


def the_reporters_clock_is_late() -> set[Kind]:
    return judged(in_order(MARCH, claimed(at_us=T0_US - 1), settled(at_us=T0_US - 2)), [transfer()])


def a_command_comes_over_both_partitioners() -> set[Kind]:
    elsewhere = Read(
        topic=topics.PAYMENT_COMMANDS.name,
        partition=(HOME + 1) % PARTITIONS,
        key=MARCH.key.encode(),
        value=codec.encode(MARCH),
    )
    return judged([elsewhere, command(MARCH)])


def refunds_race_each_other() -> set[Kind]:
    """Two refunds that are together too much, the second asked for before the first is paid."""
    parts = [refund(key, amount_minor=100_000, command_id=f"{OTHER_COMMAND[:-1]}{key}") for key in "89"]
    return _of_refunds(*PAID, *parts)


def a_refund_is_paid() -> set[Kind]:
    made = {"idempotency_key": refund().refund_idempotency_key}
    return _of_refunds(*PAID, refund(), *(structs.replace(report, **made) for report in (claimed(), settled())))


def _of_refunds(*orders: Order) -> set[Kind]:
    return {violation.kind for violation in Refunds(log_of(snapshots(*orders))).fit()}


def a_decision_breaks() -> set[Kind]:
    def rule(_order: Order, _payment: Payment | None, *, rail_speed: float) -> Decision:
        raise ZeroDivisionError(rail_speed)

    table: Table[Any] = Table(Memory(), encode=stored, decode=value_of)
    decisions = replace(payment_decisions(partitions=PARTITIONS, rail_speed=1.0), rule=rule)
    written = decide_batch(decisions, [command(MARCH)], table)
    rejections = [codec.decode(each.value) for each in written.records if each.topic == topics.PAYMENT_REJECTIONS.name]
    poison = [((topics.PAYMENT_COMMANDS.name, HOME, 0), "one that cannot be decided")]
    found = refused.poison_is_refused(poison, [each for each in rejections if isinstance(each, Rejection)])
    return {violation.kind for violation in found}
