"""Deciding the records of a batch: look up, decide, and say what is to be written. No IO, no waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, assert_never

import structlog

from directory.changes import Changed, DirectoryCommand, DirectoryRecord, Known, NotChanged, change
from payments.commands import (
    CancelPayment,
    InitiatePayment,
    InitiateRefund,
    Order,
    RailReport,
    RefundPayment,
    RefundReport,
)
from payments.decision import Decision, Moved, Refused, Unchanged
from payments.idempotency import id_of_key
from payments.lifecycle import decide
from payments.rejection import Rejection
from schemas import codec, topics
from stream_app import metrics
from stream_app.exactly_once.records import InputRecord, OutputRecord
from stream_app.intake import Intake, Read, Stray, key_text
from stream_app.rejections import refused_unread, refused_value, rejection_record
from stream_app.stored import Snapshot, Step
from stream_app.table import Table

log = structlog.get_logger()

UNCHANGED = "unchanged"
# What a record may turn out to be instead of something to decide.
_TURNED_AWAY = (Stray, Rejection, codec.UnknownSchema)


@dataclass(slots=True)
class Written:
    """What a batch decides: `moves`, each with its cause and its key's id, until `encode` makes `records` of them.

    `orders` are those that a move has for other payments, each with the record that caused the move.
    `secrets` are written first, so that a subscriber hardly ever sees an entity before its secret. `decisions` names
    what came of the records and `rejections` holds the refusals among `records`, both to be counted once it is written.
    """

    moves: list[tuple[InputRecord, str, Any]] = field(default_factory=list)
    orders: list[tuple[InputRecord, Order]] = field(default_factory=list)
    secrets: list[OutputRecord] = field(default_factory=list)
    records: list[OutputRecord] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    forwarded: list[str] = field(default_factory=list)

    def reject(self, rejection: Rejection) -> None:
        """Refuse a record."""
        self.records.append(rejection_record(rejection))
        self.rejections.append(rejection)

    def forward(self, stray: Stray) -> None:
        """Send a record on to where it belongs."""
        self.records.append(stray.forwarded)
        self.forwarded.append(stray.forwarded.topic)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDecisions:
    """Decides orders (commands and rail reports) against the payments of a partition."""

    intake: Intake[Order]
    rail_speed: float
    rule: Callable[..., Decision] = decide

    def id_of(self, record: InputRecord) -> str | None:
        """Return the id of the payment that the record's key names, None when it names none."""
        key = key_text(record)
        return None if key is None else id_of_key(key)

    def read(self, record: InputRecord, payment_id: str | None, table: Table[Snapshot | Step]) -> Read[Order]:
        """Return the order that the record is, or what it is instead."""
        # A key that has a payment here belongs here: only its own partition ever decides it.
        return self.intake.read(record, is_at_home=payment_id is not None and table.has(payment_id))

    def decide(self, record: InputRecord, read: Read[Order], table: Table[Snapshot | Step], written: Written) -> None:
        """Add to `written` what the record means and stage it; raises UnknownSchema when it cannot be read yet."""
        if isinstance(read, _TURNED_AWAY):
            _turn_away(read, written)
            return
        payment_id = read.payment_id
        before = table.peek(payment_id)
        try:
            decision = self.rule(read, None if before is None else before.payment, rail_speed=self.rail_speed)
        except Exception as error:
            quarantine(record, read, error, written)
            return
        match decision:
            case Moved():
                step = Step(decision.payment, before)
                table.stage(payment_id, step)
                written.moves.append((record, payment_id, step))
                for other in decision.orders:
                    written.orders.append((record, other))
            case Unchanged():
                written.decisions.append(UNCHANGED)
            case Refused():
                refusal = decision.refusal
                written.reject(refused_value(record, read, refusal.code, refusal.detail, refusal.errors))
            case _:
                assert_never(decision)

    def encode(self, written: Written) -> None:
        """Add the events of the payments that were moved, and the orders that they have for others."""
        for record, payment_id, step in written.moves:
            payment = step.payment
            headers = _traced(codec.event_headers(payment), record)
            written.records.append(
                _kept(topics.PAYMENT_EVENTS.name, payment_id, step.snapshot().event(), record, headers)
            )
            written.decisions.append(payment.last.event_type)
        for record, order in written.orders:
            written.records.append(
                OutputRecord(
                    topic=topics.RAIL_REPORTS.name,
                    key=order.key.encode(),
                    value=codec.encode(order),
                    headers=_traced([], record),
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryDecisions:
    """Decides directory commands against the entities of a partition."""

    intake: Intake[DirectoryCommand]

    def id_of(self, record: InputRecord) -> str | None:
        """Return the id of the entity that the record's key names, None when it names none."""
        return key_text(record)

    def read(self, record: InputRecord, entity_id: str | None, table: Table[DirectoryRecord]) -> Read[DirectoryCommand]:
        """Return the command that the record is, or what it is instead."""
        return self.intake.read(record, is_at_home=entity_id is not None and table.has(entity_id))

    def decide(
        self, record: InputRecord, read: Read[DirectoryCommand], table: Table[DirectoryRecord], written: Written
    ) -> None:
        """Add to `written` what the record means and stage it; raises UnknownSchema when it cannot be read yet."""
        if isinstance(read, _TURNED_AWAY):
            _turn_away(read, written)
            return
        entity = table.peek(read.entity_id)
        try:
            decision = change(read, entity)
        except Exception as error:
            quarantine(record, read, error, written)
            return
        match decision:
            case Changed():
                table.stage(read.entity_id, decision.record)
                written.moves.append((record, read.entity_id, decision))
            case Known():
                written.decisions.append(UNCHANGED)
            case NotChanged():
                refusal = decision.refusal
                written.reject(refused_value(record, read, refusal.code, refusal.detail, refusal.errors))
            case _:
                assert_never(decision)

    def encode(self, written: Written) -> None:
        """Add the events, and the secrets, of the entities that were changed."""
        for record, entity_id, decision in written.moves:
            secret = decision.secret
            if secret is not None:
                written.secrets.append(
                    _kept(topics.DIRECTORY_SECRETS.name, entity_id, codec.encode(secret), record, [])
                )
            headers = _traced([], record)
            written.records.append(
                _kept(topics.DIRECTORY_EVENTS.name, entity_id, codec.encode(decision.record), record, headers)
            )
            written.decisions.append("changed")


def payment_decisions(
    *, partitions: int, rail_speed: float, rule: Callable[..., Decision] = decide
) -> PaymentDecisions:
    """Return what decides payment-commands and rail-reports."""
    accepts: dict[str, tuple[type[Order], ...]] = {
        topics.PAYMENT_COMMANDS.name: (InitiatePayment, CancelPayment, RefundPayment),
        # And what payments order of each other, where no caller writes; a return's cancels follow their refunds.
        topics.RAIL_REPORTS.name: (RailReport, RefundReport, InitiateRefund, CancelPayment),
    }
    intake: Intake[Order] = Intake(accepts=accepts, key_of=attrgetter("key"), partitions=partitions)
    return PaymentDecisions(intake=intake, rail_speed=rail_speed, rule=rule)


def directory_decisions(*, partitions: int) -> DirectoryDecisions:
    """Return what decides directory-commands."""
    return DirectoryDecisions(
        intake=Intake(
            accepts={topics.DIRECTORY_COMMANDS.name: (DirectoryCommand,)},
            key_of=attrgetter("entity_id"),
            partitions=partitions,
        )
    )


def refuse_unknown_schema(record: InputRecord, schema_id: int, written: Written) -> None:
    """Refuse a record whose schema the registry says does not exist."""
    written.reject(refused_unread(record, "unknown-schema", f"schema id {schema_id} does not exist"))


def quarantine(record: InputRecord, read: Any, error: Exception, written: Written) -> None:
    """Refuse a record that breaks its own decision, and raise an alarm: one record must not stop its partition."""
    log.error("decision_failed", topic=record.topic, partition=record.partition, offset=record.offset, exc_info=error)
    written.reject(refused_value(record, read, "decision-failed", type(error).__name__))


def tell(agent: str, written: Written) -> None:
    """Count and log what a batch decided, once it is written."""
    metrics.count(metrics.DECISIONS, written.decisions, agent)
    metrics.count(metrics.FORWARDED, written.forwarded)
    metrics.count(metrics.REJECTIONS, (rejection.reason for rejection in written.rejections), agent)
    for rejection in written.rejections:
        log.info(
            "record_rejected",
            agent=agent,
            reason=rejection.reason,
            topic=rejection.topic,
            partition=rejection.partition,
            offset=rejection.offset,
            payment_id=rejection.payment_id,
            command_id=rejection.command_id,
        )


def _turn_away(turned: Stray | Rejection | codec.UnknownSchema, written: Written) -> None:
    match turned:
        case codec.UnknownSchema():
            raise turned
        case Stray():
            written.forward(turned)
        case Rejection():
            written.reject(turned)
        case _:
            assert_never(turned)


def _kept(topic: str, key: str, value: bytes, record: InputRecord, headers: list[tuple[str, bytes]]) -> OutputRecord:
    """Return a record of the table's own topic: always on the partition that decided it."""
    return OutputRecord(topic=topic, key=key.encode(), value=value, headers=headers, partition=record.partition)


def _traced(headers: list[tuple[str, bytes]], record: InputRecord) -> list[tuple[str, bytes]]:
    """Return the headers, with the trace of the record that caused them if it has one."""
    for name, value in record.headers:
        if name == "traceparent":
            headers.append((name, value))
            break
    return headers
