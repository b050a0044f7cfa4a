"""References in a body: what it names must exist, be usable and be the caller's own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from directory.entities import Kind, Role
from directory.register import Entry
from ingest_api.known_directory import KnownDirectory
from ingest_api.refusals import UnknownReference
from payments.commands import InitiatePayment
from payments.refusals import FieldError

_NAMES = {
    Kind.TENANT: "tenant",
    Kind.API_KEY: "API key",
    Kind.USER: "user",
    Kind.BANK_ACCOUNT: "bank account",
    Kind.PROPERTY: "property",
    Kind.LEASE: "lease",
}


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """One field that names a thing; of a user also what the user must be."""

    field: str
    entity_id: str
    kind: Kind
    role: Role | None = None


def payment_references(order: InitiatePayment) -> list[Reference]:
    """Return what a payment refers to."""
    references = [
        Reference(field="payer_account_id", entity_id=order.payer_account_id, kind=Kind.BANK_ACCOUNT),
        Reference(field="payee_account_id", entity_id=order.payee_account_id, kind=Kind.BANK_ACCOUNT),
    ]
    if order.lease_id is not None:
        references.append(Reference(field="lease_id", entity_id=order.lease_id, kind=Kind.LEASE))
    return references


async def require_references(directory: KnownDirectory, tenant_id: str, references: Sequence[Reference]) -> None:
    """Raise UnknownReference, naming every field, unless the tenant may use all of them."""
    await directory.learn(reference.entity_id for reference in references)
    check_references(directory, tenant_id, references)


def check_references(directory: KnownDirectory, tenant_id: str, references: Sequence[Reference]) -> None:
    """Do the same by what is known already."""
    errors = []
    for reference in references:
        message = _fault(directory.get(reference.entity_id), tenant_id, reference)
        if message is not None:
            errors.append(FieldError(field=reference.field, message=message))
    if errors:
        raise UnknownReference(tuple(errors))


def _fault(entry: Entry | None, tenant_id: str, reference: Reference) -> str | None:
    # Unknown, another tenant's, of another kind and revoked read the same: a caller learns nothing of other tenants.
    if entry is None or entry.tenant_id != tenant_id or entry.kind is not reference.kind or not entry.is_active:
        return f"must be the id of a {_NAMES[reference.kind]} of yours that is in use"
    if reference.role is not None and entry.role is not reference.role:
        return f"must be a {reference.role}"
    return None
