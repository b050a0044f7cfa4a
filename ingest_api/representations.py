"""What the API shows of payments and of the directory. Bytes of an answer depend on the value alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any, assert_never

from directory.changes import State
from directory.entities import ApiKey, BankAccount, Entity, Lease, Property, Tenant, User
from directory.webhook_endpoint import WebhookEndpoint
from payments.commands import InitiatePayment
from payments.money import CURRENCIES, format_amount
from payments.payment import Head, Status
from payments.refund_orders import RefundPayment
from payments.representation import payment_now
from payments.schedule import due_dates, next_due_date
from payments.timestamps import rfc3339

ZERO = format_amount(0)


def json_bytes(value: Any) -> bytes:
    """Return an answer's body. A caller's text has passed the checks, so it is Unicode that UTF-8 can say."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def payment_as_created(head: Head) -> dict[str, Any]:
    """Return a payment as it was at creation: made of what never changes, so every replay gives the same bytes."""
    return payment_now(head, status=Status.PENDING, updated_at_us=head.initiated_at_us)


def payment_accepted(order: InitiatePayment) -> dict[str, Any]:
    """Return a payment that is accepted but not known to be decided: its id is final, its times are not there yet."""
    body: dict[str, Any] = {
        "id": order.payment_id,
        "status": Status.PENDING.value,
        "amount": format_amount(order.amount_minor),
        "currency": order.currency,
        "lease_id": order.lease_id,
        "payer_account_id": order.payer_account_id,
        "payee_account_id": order.payee_account_id,
        "payment_rail_type": order.payment_rail_type,
        "idempotency_key": order.idempotency_key,
        "description": order.description,
        "initiated_at": None,
        "updated_at": None,
        "refunded_amount": ZERO,
        "metadata": json.loads(order.metadata_json),
    }
    if order.effective_date is not None:
        body["effective_date"] = order.effective_date
    return body


def refund_accepted(order: RefundPayment, original: Head) -> dict[str, Any]:
    """Return a refund that is accepted but not known to be decided; no amount when it is all that is left."""
    return {
        "id": order.refund_id,
        "refund_of": original.payment_id,
        "status": Status.PENDING.value,
        "amount": format_amount(order.amount_minor) if order.amount_minor is not None else None,
        "currency": original.currency,
        "lease_id": original.lease_id,
        "payer_account_id": original.payee_account_id,
        "payee_account_id": original.payer_account_id,
        "payment_rail_type": original.payment_rail_type.value,
        "idempotency_key": order.refund_idempotency_key,
        "description": order.description,
        "initiated_at": None,
        "updated_at": None,
        "refunded_amount": ZERO,
        "metadata": json.loads(order.metadata_json),
    }


def entity_now(
    entity_id: str, entity: Entity, *, tenant_id: str, state: State, created_at_us: int | None
) -> dict[str, Any]:
    """Return one thing of the directory, without its secrets; no time when it is not known to be created."""
    shown: dict[str, Any]
    match entity:
        case User():
            shown = {"email": entity.email, "role": entity.role.value, "name": entity.name}
        case BankAccount():
            shown = {
                "user_id": entity.user_id,
                "account_holder_name": entity.account_holder_name,
                "account_type": entity.account_type.value,
                "token": entity.token,
                "last4": entity.last4,
            }
        case Property():
            shown = {"owner_id": entity.owner_id, "address": entity.address}
        case Lease():
            shown = _lease(entity)
        case ApiKey():
            scopes = [scope.value for scope in entity.scopes]
            shown = {"tenant_id": tenant_id, "name": entity.name, "scopes": scopes, "hint": entity.hint}
        case Tenant():
            shown = {"name": entity.name}
        case WebhookEndpoint():
            reason = entity.disabled_reason
            shown = {
                "url": entity.url,
                "events": [event.value for event in entity.events],
                "enabled": entity.enabled,
                "disabled_reason": reason.value if reason is not None else None,
            }
        case _:
            assert_never(entity)
    created_at = rfc3339(created_at_us) if created_at_us is not None else None
    return {"id": entity_id, **shown, "status": state.value, "created_at": created_at}


def _lease(lease: Lease) -> dict[str, Any]:
    return {
        "property_id": lease.property_id,
        "renter_id": lease.renter_id,
        "rent_amount": format_amount(lease.rent_amount_minor),
        "due_day": lease.due_day,
        "start_date": lease.start_date.isoformat(),
        "end_date": lease.end_date.isoformat() if lease.end_date is not None else None,
        "terms": json.loads(lease.terms_json),
        "payment_schedule": payment_schedule(lease),
    }


def payment_schedule(lease: Lease) -> dict[str, Any]:
    """Return when a lease's rent is due. Its next due date is the first: no rent is known to be paid."""
    first = next_due_date(due_day=lease.due_day, start=lease.start_date, end=lease.end_date)
    return {
        "frequency": "monthly",
        "due_day": lease.due_day,
        "amount": format_amount(lease.rent_amount_minor),
        "currency": next(iter(CURRENCIES)),
        "first_due_date": first.isoformat() if first is not None else None,
        "next_due_date": first.isoformat() if first is not None else None,
        "end_date": lease.end_date.isoformat() if lease.end_date is not None else None,
    }


def coming_due(lease: Lease, *, not_before: date, count: int) -> list[dict[str, Any]]:
    """Return the lease's next `count` due dates on or after `not_before`."""
    start = max(lease.start_date, not_before)
    coming: Iterator[date] = due_dates(due_day=lease.due_day, start=start, end=lease.end_date)
    amount = format_amount(lease.rent_amount_minor)
    return [{"due_date": due.isoformat(), "amount": amount} for due in islice(coming, count)]
