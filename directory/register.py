"""The directory as a process keeps it in memory: who exists, of which tenant, usable or not.

Pure: it is fed the records of directory-events and directory-secrets, in any order between the two topics and with
repetitions, and answers look-ups. One thread feeds it, others may read meanwhile: entries are replaced, never altered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from directory.changes import DirectoryRecord, DirectorySecret, Heard, State
from directory.entities import AccountType, ApiKey, BankAccount, Kind, Lease, Property, Role, Scope, Tenant, User
from directory.sealing import Sealed
from directory.webhook_endpoint import WebhookEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What has to be known of an entity to check a reference to it; fields of other kinds are None (or empty)."""

    kind: Kind
    tenant_id: str
    state: State
    version: int
    created_by: str
    fingerprint: bytes
    created_at_us: int
    role: Role | None = None  # of a user
    user_id: str | None = None  # of a bank account: who holds it
    token: str | None = None  # of a bank account
    account_holder_name: str | None = None  # of a bank account
    account_type: AccountType | None = None  # of a bank account
    owner_id: str | None = None  # of a property
    property_id: str | None = None  # of a lease
    renter_id: str | None = None  # of a lease
    scopes: tuple[Scope, ...] = ()  # of an API key
    endpoint: WebhookEndpoint | None = None  # all that a webhook endpoint is: a change starts from it
    heard: tuple[Heard, ...] = ()  # of a webhook endpoint

    @property
    def is_active(self) -> bool:
        return self.state is State.ACTIVE


class Register:
    """Entities by id, and the sealed secrets that this process has a use for (`keeps_secret`; all, when None)."""

    def __init__(self, *, keeps_secret: Callable[[DirectorySecret], bool] | None = None) -> None:
        self._keeps_secret = keeps_secret
        self._entries: dict[str, Entry] = {}
        self._secrets: dict[str, Sealed] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def apply_event(self, record: DirectoryRecord) -> bool:
        """Take an entity's newer version and return whether it was one: a record read twice changes nothing."""
        known = self._entries.get(record.entity_id)
        if known is not None and known.version >= record.version:
            return False
        self._entries[record.entity_id] = _entry(record)
        return True

    def apply_secret(self, secret: DirectorySecret) -> bool:
        """Take a sealed secret and return whether it is kept."""
        if self._keeps_secret is not None and not self._keeps_secret(secret):
            return False
        self._secrets[secret.entity_id] = secret.sealed
        return True

    def get(self, entity_id: str) -> Entry | None:
        """Return what is known of an entity, whatever its tenant: the caller compares tenants."""
        return self._entries.get(entity_id)

    def secret(self, entity_id: str) -> Sealed | None:
        """Return an entity's sealed secret, or None when it has none, or it is not kept or not read yet."""
        return self._secrets.get(entity_id)


def _entry(record: DirectoryRecord) -> Entry:
    role = user_id = token = account_holder_name = account_type = owner_id = property_id = renter_id = None
    endpoint = None
    scopes: tuple[Scope, ...] = ()
    entity = record.entity
    match entity:
        case User():
            role = entity.role
        case BankAccount():
            user_id, token = entity.user_id, entity.token
            account_holder_name, account_type = entity.account_holder_name, entity.account_type
        case Property():
            owner_id = entity.owner_id
        case Lease():
            property_id, renter_id = entity.property_id, entity.renter_id
        case ApiKey():
            scopes = entity.scopes
        case WebhookEndpoint():
            endpoint = entity
        case Tenant():
            pass
        case _:
            assert_never(entity)
    return Entry(
        kind=record.kind,
        # A tenant's id stands in each of its entities: one text for all of them.
        tenant_id=sys.intern(record.tenant_id),
        state=record.state,
        version=record.version,
        created_by=record.created_by,
        fingerprint=record.fingerprint,
        created_at_us=record.created_at_us,
        role=role,
        user_id=user_id,
        token=token,
        account_holder_name=account_holder_name,
        account_type=account_type,
        owner_id=owner_id,
        property_id=property_id,
        renter_id=renter_id,
        scopes=scopes,
        endpoint=endpoint,
        heard=record.heard,
    )
