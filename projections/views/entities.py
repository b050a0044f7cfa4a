"""The row of an entity of the directory: its newest version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, assert_never

from directory.changes import DirectoryRecord
from directory.entities import (
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
from directory.webhook_endpoint import DisabledReason, WebhookEndpoint, told_type
from payments.idempotency import canonical_json


def parameters(record: DirectoryRecord) -> dict[str, object]:
    """Return the parameters of `move_entity`."""
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
        "entity": canonical_json(fields(record.entity)),
    }


def fields(entity: Entity) -> dict[str, object]:
    """Return an entity's fields as JSON values: what the column `entity` holds."""
    match entity:
        case Tenant():
            return {"name": entity.name}
        case ApiKey():
            return {"name": entity.name, "scopes": [scope.value for scope in entity.scopes], "hint": entity.hint}
        case User():
            return {"email": entity.email, "role": entity.role.value, "name": entity.name}
        case BankAccount():
            return {
                "user_id": entity.user_id,
                "account_holder_name": entity.account_holder_name,
                "account_type": entity.account_type.value,
                "token": entity.token,
                "last4": entity.last4,
            }
        case Property():
            return {"owner_id": entity.owner_id, "address": entity.address}
        case Lease():
            return {
                "property_id": entity.property_id,
                "renter_id": entity.renter_id,
                "rent_amount_minor": entity.rent_amount_minor,
                "due_day": entity.due_day,
                "start_date": entity.start_date.isoformat(),
                "end_date": entity.end_date.isoformat() if entity.end_date is not None else None,
                "terms_json": entity.terms_json,
            }
        case WebhookEndpoint():
            reason = entity.disabled_reason
            return {
                "url": entity.url,
                "events": [event.value for event in entity.events],
                "enabled": entity.enabled,
                "disabled_reason": reason.value if reason is not None else None,
            }
        case _:
            assert_never(entity)


def entity_of(kind: Kind, values: Mapping[str, Any]) -> Entity:
    """Return the entity that `fields` made these values of."""
    match kind:
        case Kind.TENANT:
            return Tenant(name=values["name"])
        case Kind.API_KEY:
            scopes = tuple(Scope(scope) for scope in values["scopes"])
            return ApiKey(name=values["name"], scopes=scopes, hint=values["hint"])
        case Kind.USER:
            return User(email=values["email"], role=Role(values["role"]), name=values["name"])
        case Kind.BANK_ACCOUNT:
            return BankAccount(**{**values, "account_type": AccountType(values["account_type"])})
        case Kind.PROPERTY:
            return Property(owner_id=values["owner_id"], address=values["address"])
        case Kind.LEASE:
            end_date = values["end_date"]
            return Lease(
                **{
                    **values,
                    "start_date": date.fromisoformat(values["start_date"]),
                    "end_date": date.fromisoformat(end_date) if end_date is not None else None,
                }
            )
        case Kind.WEBHOOK_ENDPOINT:
            reason = values["disabled_reason"]
            return WebhookEndpoint(
                url=values["url"],
                events=tuple(told_type(event) for event in values["events"]),
                enabled=values["enabled"],
                disabled_reason=DisabledReason(reason) if reason is not None else None,
            )
        case _:
            assert_never(kind)
