"""Deciding one record: look it up, decide, and say what is to be written. No IO, no waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, assert_never

import structlog

from directory.changes import Changed, DirectoryCommand, DirectoryRecord, Known, NotChanged, change
from payments.commands import CancelPayment, InitiatePayment, Order, RailReport
from payments.idempotency import id_of_key
from payments.lifecycle import Decision, Moved, Refused, Unchanged, decide
from payments.rejection import Rejection
from schemas import codec, topics
from stream_app import metrics
from stream_app.exactly_once.records import InputRecord, OutputRecord
from stream_app.intake import Intake, Read, Stray, keys_of
from stream_app.rejections import refused_unread, refused_value, rejection_record
from stream_app.stored import Snapshot
from stream_app.table import Table

log = structlog.get_logger()


@dataclass(slots=True)
class Written:
    """What a batch writes: `secrets` first, so that a subscriber hardly ever sees an entity before its secret.

    `decisions` counts what came of its records, for the metrics.
    """

    secrets: list[OutputRecord] = field(default_factory=list)
    records: list[OutputRecord] = field(default_factory=list)
    decisions: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDecisions:
    """Decides orders (commands and rail reports) against the payments of a partition."""

    intake: Intake[Order]
    rail_speed: float
    rule: Callable[..., Decision] = decide

    def ids(self, records: Iterable[InputRecord]) -> Iterator[str]:
        """Yield the ids of the payments that the records are about."""
        return map(id_of_key, keys_of(records))

    def read(self, record: InputRecord, table: Table[Snapshot]) -> Read[Order]:
        """Return the order that the record is, or what it is instead."""
        # A key that has a payment here belongs here: only its own partition ever decides it.
        return self.intake.read(record, lambda key: table.has(id_of_key(key)))

    def decide(self, record: InputRecord, read: Read[Order], table: Table[Snapshot], written: Written) -> None:
        """Add to `written` what the record means and stage it; raises UnknownSchema when it cannot be read yet."""
        if isinstance(read, Stray | Rejection | codec.UnknownSchema):
            _turn_away(read, written, "payments")
            return
        before = table.peek(read.payment_id)
        _quarantined(record, read, "payments", written, lambda: self._decide(record, read, before, table, written))

    def _decide(
        self, record: InputRecord, order: Order, before: Snapshot | None, table: Table[Snapshot], written: Written
    ) -> None:
        decision = self.rule(order, before.payment if before is not None else None, rail_speed=self.rail_speed)
        match decision:
            case Moved():
                moved = decision.payment
                snapshot = Snapshot.after(moved, before)
                headers = _traced(codec.event_headers(moved), record)
                written.records.append(
                    _kept(topics.PAYMENT_EVENTS.name, moved.payment_id, snapshot.event(), record.partition, headers)
                )
                table.stage(moved.payment_id, snapshot)
                written.decisions[moved.last.event_type.value] += 1
            case Unchanged():
                written.decisions["unchanged"] += 1
            case Refused():
                refusal = decision.refusal
                _reject(refused_value(record, order, refusal.code, refusal.detail, refusal.errors), written, "payments")
            case _:
                assert_never(decision)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryDecisions:
    """Decides directory commands against the entities of a partition."""

    intake: Intake[DirectoryCommand]

    def ids(self, records: Iterable[InputRecord]) -> Iterator[str]:
        """Yield the ids of the entities that the records are about."""
        return keys_of(records)

    def read(self, record: InputRecord, table: Table[DirectoryRecord]) -> Read[DirectoryCommand]:
        """Return the command that the record is, or what it is instead."""
        return self.intake.read(record, table.has)

    def decide(
        self, record: InputRecord, read: Read[DirectoryCommand], table: Table[DirectoryRecord], written: Written
    ) -> None:
        """Add to `written` what the record means and stage it; raises UnknownSchema when it cannot be read yet."""
        if isinstance(read, Stray | Rejection | codec.UnknownSchema):
            _turn_away(read, written, "directory")
            return
        entity = table.peek(read.entity_id)
        _quarantined(record, read, "directory", written, lambda: self._decide(record, read, entity, table, written))

    def _decide(
        self,
        record: InputRecord,
        command: DirectoryCommand,
        entity: DirectoryRecord | None,
        table: Table[DirectoryRecord],
        written: Written,
    ) -> None:
        decision = change(command, entity)
        match decision:
            case Changed():
                changed, secret = decision.record, decision.secret
                value = codec.encode(changed)
                if secret is not None:
                    sealed = codec.encode(secret)
                    written.secrets.append(
                        _kept(topics.DIRECTORY_SECRETS.name, changed.entity_id, sealed, record.partition, [])
                    )
                written.records.append(
                    _kept(topics.DIRECTORY_EVENTS.name, changed.entity_id, value, record.partition, _traced([], record))
                )
                table.stage(changed.entity_id, changed)
                written.decisions["changed"] += 1
            case Known():
                written.decisions["unchanged"] += 1
            case NotChanged():
                refusal = decision.refusal
                _reject(
                    refused_value(record, command, refusal.code, refusal.detail, refusal.errors), written, "directory"
                )
            case _:
                assert_never(decision)


def payment_decisions(*, partitions: int, rail_speed: float) -> PaymentDecisions:
    """Return what decides payment-commands and rail-reports."""
    accepts: dict[str, tuple[type[Order], ...]] = {
        topics.PAYMENT_COMMANDS.name: (InitiatePayment, CancelPayment),
        topics.RAIL_REPORTS.name: (RailReport,),
    }
    intake: Intake[Order] = Intake(accepts=accepts, key_of=lambda order: order.key, partitions=partitions)
    return PaymentDecisions(intake=intake, rail_speed=rail_speed)


def directory_decisions(*, partitions: int) -> DirectoryDecisions:
    """Return what decides directory-commands."""
    return DirectoryDecisions(
        intake=Intake(
            accepts={topics.DIRECTORY_COMMANDS.name: (DirectoryCommand,)},
            key_of=lambda command: command.entity_id,
            partitions=partitions,
        )
    )


def refuse_unknown_schema(record: InputRecord, schema_id: int, written: Written, agent: str) -> None:
    """Refuse a record whose schema the registry says does not exist."""
    _reject(refused_unread(record, "unknown-schema", f"schema id {schema_id} does not exist"), written, agent)


def _quarantined(record: InputRecord, value: Any, agent: str, written: Written, step: Callable[[], None]) -> None:
    """Run `step`; if it breaks, refuse this record and go on: one record must not stop its partition."""
    try:
        step()
    except Exception as error:
        log.exception(
            "decision_failed", agent=agent, topic=record.topic, partition=record.partition, offset=record.offset
        )
        _reject(refused_value(record, value, "decision-failed", type(error).__name__), written, agent)


def _turn_away(turned: Stray | Rejection | codec.UnknownSchema, written: Written, agent: str) -> None:
    match turned:
        case codec.UnknownSchema():
            raise turned
        case Stray():
            written.records.append(turned.forwarded)
            metrics.FORWARDED.labels(turned.forwarded.topic).inc()
        case Rejection():
            _reject(turned, written, agent)
        case _:
            assert_never(turned)


def _reject(rejection: Rejection, written: Written, agent: str) -> None:
    written.records.append(rejection_record(rejection))
    metrics.REJECTIONS.labels(agent, rejection.reason).inc()
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


def _kept(topic: str, key: str, value: bytes, partition: int, headers: list[tuple[str, bytes]]) -> OutputRecord:
    """Return a record of the table's own topic: always on the partition that decided it."""
    return OutputRecord(topic=topic, key=key.encode(), value=value, headers=headers, partition=partition)


def _traced(headers: list[tuple[str, bytes]], record: InputRecord) -> list[tuple[str, bytes]]:
    """Return the headers, with the trace of the record that caused them if it has one."""
    for name, value in record.headers:
        if name == "traceparent":
            headers.append((name, value))
            break
    return headers
