"""Values as Avro records and back: which field carries what. A record that breaks a rule raises InvalidCommand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields as fields_of
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from msgspec import structs

from directory.changes import Action, DirectoryCommand, DirectoryRecord, DirectorySecret, Heard, State
from directory.entities import (
    KINDS,
    AccountType,
    ApiKey,
    BankAccount,
    Entity,
    Kind,
    Lease,
    Property,
    Role,
    Scope,
    Tenant,
    User,
)
from directory.sealing import Sealed
from directory.webhook_endpoint import DisabledReason, WebhookEndpoint, told_type
from payments.commands import CancelPayment, InitiatePayment, RailReport, Report, ReportSource
from payments.fields import date_faults, fault
from payments.payment import EVENT_TYPES, STATUSES, Failure, Head, Payment, Transition
from payments.rails import RAILS
from payments.refund_orders import InitiateRefund, RefundOutcome, RefundPayment, RefundReport
from payments.refusals import FieldError, InvalidCommand
from payments.rejection import RAW_BYTES_MAX, Rejection
from schemas.deliveries import WebhookRecord
from schemas.origination import AchRecord
from schemas.reconciliation import ReconciliationRecord

Value = (
    InitiatePayment
    | CancelPayment
    | RailReport
    | RefundPayment
    | InitiateRefund
    | RefundReport
    | Payment
    | Rejection
    | DirectoryCommand
    | DirectoryRecord
    | DirectorySecret
    | AchRecord
    | ReconciliationRecord
    | WebhookRecord
)
Record = dict[str, Any]
E = TypeVar("E", bound=StrEnum)

_HEAD_FIELDS = Head.__struct_fields__


def member(enumeration: type[E], field: str, text: str) -> E:
    """Return the member that `text` names, or raise InvalidCommand that names the field and the choices."""
    try:
        return enumeration(text)
    except ValueError:
        raise InvalidCommand(fault(field, f"must be one of {', '.join(enumeration)}")) from None


def initiate_record(command: InitiatePayment) -> Record:
    return {
        "command_id": command.command_id,
        "tenant_id": command.tenant_id,
        "idempotency_key": command.idempotency_key,
        "lease_id": command.lease_id,
        "payer_account_id": command.payer_account_id,
        "payee_account_id": command.payee_account_id,
        "amount_minor": command.amount_minor,
        "currency": command.currency,
        "payment_rail_type": command.payment_rail_type,
        "description": command.description,
        "metadata_json": command.metadata_json,
        "effective_date": command.effective_date,
        "refund_of": command.refund_of,
        "requested_at_us": command.requested_at_us,
    }


def initiate_value(record: Record) -> InitiatePayment:
    return InitiatePayment(**record)


def cancel_record(command: CancelPayment) -> Record:
    return {
        "tenant_id": command.tenant_id,
        "idempotency_key": command.idempotency_key,
        "cancel_key": command.cancel_key,
        "requested_at_us": command.requested_at_us,
    }


def cancel_value(record: Record) -> CancelPayment:
    return CancelPayment(**record)


def report_record(report: RailReport) -> Record:
    return {
        "tenant_id": report.tenant_id,
        "idempotency_key": report.idempotency_key,
        "attempt": report.attempt,
        "report": report.report.value,
        "occurred_at_us": report.occurred_at_us,
        "amount_minor": report.amount_minor,
        "code": report.code,
        "reason": report.reason,
        "source": report.source.value,
        "bank_reference": report.bank_reference,
    }


def report_value(record: Record) -> RailReport:
    report = member(Report, "report", record["report"])
    source = member(ReportSource, "source", record["source"])
    return RailReport(**{**record, "report": report, "source": source})


def refund_record(command: RefundPayment) -> Record:
    return structs.asdict(command)


def refund_value(record: Record) -> RefundPayment:
    return RefundPayment(**record)


def initiate_refund_record(command: InitiateRefund) -> Record:
    return structs.asdict(command)


def initiate_refund_value(record: Record) -> InitiateRefund:
    return InitiateRefund(**record)


def refund_report_record(report: RefundReport) -> Record:
    return structs.asdict(report) | {"outcome": report.outcome.value}


def refund_report_value(record: Record) -> RefundReport:
    return RefundReport(**{**record, "outcome": member(RefundOutcome, "outcome", record["outcome"])})


def payment_record(payment: Payment) -> Record:
    head, failure = payment.head, payment.failure
    return {
        "payment_id": head.payment_id,
        "tenant_id": head.tenant_id,
        "idempotency_key": head.idempotency_key,
        "fingerprint": head.fingerprint,
        "fingerprint_version": head.fingerprint_version,
        "lease_id": head.lease_id,
        "payer_account_id": head.payer_account_id,
        "payee_account_id": head.payee_account_id,
        "amount_minor": head.amount_minor,
        "currency": head.currency,
        "payment_rail_type": head.payment_rail_type,
        "description": head.description,
        "metadata_json": head.metadata_json,
        "effective_date": head.effective_date,
        "refund_of": head.refund_of,
        "initiated_at_us": head.initiated_at_us,
        "due_at_us": head.due_at_us,
        "expected_settlement_at_us": head.expected_settlement_at_us,
        "status": payment.status,
        "attempt": payment.attempt,
        "failure": None
        if failure is None
        else {"code": failure.code, "reason": failure.reason, "source": failure.source},
        "refunded_minor": payment.refunded_minor,
        "transitions": [transition_record(transition) for transition in payment.transitions],
    }


def transition_record(transition: Transition) -> Record:
    return {
        "sequence": transition.sequence,
        "event_type": transition.event_type,
        "previous_status": transition.previous_status,
        "new_status": transition.new_status,
        "occurred_at_us": transition.occurred_at_us,
        "caused_by": transition.caused_by,
        "changes": transition.changes,
        "hash": transition.hash,
    }


def payment_value(record: Record) -> Payment:
    transitions = tuple([_transition(step) for step in record["transitions"]])
    status = STATUSES.get(record["status"])
    rail = RAILS.get(record["payment_rail_type"])
    if status is None or rail is None:
        raise InvalidCommand(fault("status" if status is None else "payment_rail_type", "is not known here"))
    if [step.sequence for step in transitions] != list(range(1, len(transitions) + 1)) or not transitions:
        raise InvalidCommand(fault("transitions", "must be numbered from 1 without gaps"))
    if transitions[-1].new_status is not status:
        raise InvalidCommand(fault("status", "must be the last transition's"))
    failure = record["failure"]
    head = Head(**{name: record[name] for name in _HEAD_FIELDS if name != "payment_rail_type"}, payment_rail_type=rail)
    if head.payment_id != record["payment_id"]:
        raise InvalidCommand(fault("payment_id", "must be the one that tenant and key give"))
    return Payment(
        head=head,
        status=status,
        attempt=record["attempt"],
        failure=None if failure is None else Failure(**failure),
        refunded_minor=record["refunded_minor"],
        transitions=transitions,
    )


def _transition(record: Record) -> Transition:
    previous = record["previous_status"]
    try:
        return Transition(
            sequence=record["sequence"],
            event_type=EVENT_TYPES[record["event_type"]],
            previous_status=None if previous is None else STATUSES[previous],
            new_status=STATUSES[record["new_status"]],
            occurred_at_us=record["occurred_at_us"],
            caused_by=record["caused_by"],
            changes=record["changes"],
            hash=record["hash"],
        )
    except KeyError as unknown:
        raise InvalidCommand(fault("transitions", f"{unknown} is not known here")) from None


def rejection_record(rejection: Rejection) -> Record:
    return {
        "topic": rejection.topic,
        "partition": rejection.partition,
        "offset": rejection.offset,
        "key": rejection.key,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "errors": [{"field": error.field, "message": error.message} for error in rejection.errors],
        "tenant_id": rejection.tenant_id,
        "payment_id": rejection.payment_id,
        "entity_id": rejection.entity_id,
        "command_id": rejection.command_id,
        "rejected_at_us": rejection.rejected_at_us,
        "raw": rejection.raw,
        "raw_bytes": rejection.raw_bytes,
        "raw_sha256": rejection.raw_sha256,
    }


def rejection_value(record: Record) -> Rejection:
    errors = tuple(FieldError(field=error["field"], message=error["message"]) for error in record["errors"])
    if not len(record["raw"]) <= min(RAW_BYTES_MAX, record["raw_bytes"]):
        raise InvalidCommand(fault("raw", f"must be the first {RAW_BYTES_MAX} bytes at most"))
    return Rejection(**{**record, "errors": errors})


def command_record(command: DirectoryCommand) -> Record:
    return {
        "command_id": command.command_id,
        "action": command.action.value,
        "entity_id": command.entity_id,
        "tenant_id": command.tenant_id,
        "kind": command.kind.value,
        "fingerprint": command.fingerprint,
        "requested_at_us": command.requested_at_us,
        "entity": None if command.entity is None else _entity_record(command.entity),
        "sealed": None if command.sealed is None else _sealed_record(command.sealed),
        "based_on": command.based_on,
    }


def command_value(record: Record) -> DirectoryCommand:
    entity, sealed = record["entity"], record["sealed"]
    return DirectoryCommand(
        command_id=record["command_id"],
        action=member(Action, "action", record["action"]),
        entity_id=record["entity_id"],
        tenant_id=record["tenant_id"],
        kind=member(Kind, "kind", record["kind"]),
        fingerprint=record["fingerprint"],
        requested_at_us=record["requested_at_us"],
        entity=None if entity is None else _entity_value(entity),
        sealed=None if sealed is None else Sealed(**sealed),
        based_on=record["based_on"],
    )


def entity_record(record: DirectoryRecord) -> Record:
    return {
        "entity_id": record.entity_id,
        "tenant_id": record.tenant_id,
        "kind": record.kind.value,
        "state": record.state.value,
        "version": record.version,
        "created_by": record.created_by,
        "changed_by": record.changed_by,
        "fingerprint": record.fingerprint,
        "created_at_us": record.created_at_us,
        "updated_at_us": record.updated_at_us,
        "entity": _entity_record(record.entity),
        "heard": [{"command_id": heard.command_id, "fingerprint": heard.fingerprint} for heard in record.heard],
    }


def entity_value(record: Record) -> DirectoryRecord:
    kind = member(Kind, "kind", record["kind"])
    entity = _entity_value(record["entity"])
    if KINDS[type(entity)] is not kind:
        raise InvalidCommand(fault("kind", "must be the entity's"))
    return DirectoryRecord(
        entity_id=record["entity_id"],
        tenant_id=record["tenant_id"],
        kind=kind,
        state=member(State, "state", record["state"]),
        version=record["version"],
        created_by=record["created_by"],
        changed_by=record["changed_by"],
        fingerprint=record["fingerprint"],
        created_at_us=record["created_at_us"],
        updated_at_us=record["updated_at_us"],
        entity=entity,
        heard=tuple([Heard(**heard) for heard in record["heard"]]),
    )


def secret_record(secret: DirectorySecret) -> Record:
    return {
        "entity_id": secret.entity_id,
        "tenant_id": secret.tenant_id,
        "kind": secret.kind.value,
        "sealed": _sealed_record(secret.sealed),
    }


def secret_value(record: Record) -> DirectorySecret:
    return DirectorySecret(
        entity_id=record["entity_id"],
        tenant_id=record["tenant_id"],
        kind=member(Kind, "kind", record["kind"]),
        sealed=Sealed(**record["sealed"]),
    )


def _sealed_record(sealed: Sealed) -> Record:
    return {"key_id": sealed.key_id, "nonce": sealed.nonce, "ciphertext": sealed.ciphertext}


def _entity_record(entity: Entity) -> tuple[str, Record]:
    record = {field.name: getattr(entity, field.name) for field in fields_of(entity)}
    for name, value in record.items():
        if isinstance(value, date):
            record[name] = value.isoformat()
    # With its name: fastavro would take the first branch that fits, and a Tenant's fields fit others too.
    return f"io.directpay.{type(entity).__name__}", record


def _entity_value(named: tuple[str, Record]) -> Entity:
    name, record = named
    return _ENTITIES[name](record)


def _api_key(record: Record) -> ApiKey:
    scopes = tuple(member(Scope, "scopes", scope) for scope in record["scopes"])
    return ApiKey(**{**record, "scopes": scopes})


def _user(record: Record) -> User:
    return User(**{**record, "role": member(Role, "role", record["role"])})


def _bank_account(record: Record) -> BankAccount:
    return BankAccount(**{**record, "account_type": member(AccountType, "account_type", record["account_type"])})


def _lease(record: Record) -> Lease:
    start, end = record["start_date"], record["end_date"]
    if faults := date_faults("start_date", start) + date_faults("end_date", end):
        raise InvalidCommand(faults)
    dates = {"start_date": date.fromisoformat(start), "end_date": None if end is None else date.fromisoformat(end)}
    return Lease(**{**record, **dates})


def _webhook_endpoint(record: Record) -> WebhookEndpoint:
    reason = record["disabled_reason"]
    return WebhookEndpoint(
        url=record["url"],
        events=tuple(told_type(event) for event in record["events"]),
        enabled=record["enabled"],
        disabled_reason=None if reason is None else member(DisabledReason, "disabled_reason", reason),
    )


_ENTITIES: Mapping[str, Callable[[Record], Entity]] = {
    "io.directpay.Tenant": lambda record: Tenant(**record),
    "io.directpay.ApiKey": _api_key,
    "io.directpay.User": _user,
    "io.directpay.BankAccount": _bank_account,
    "io.directpay.Property": lambda record: Property(**record),
    "io.directpay.Lease": _lease,
    "io.directpay.WebhookEndpoint": _webhook_endpoint,
}
