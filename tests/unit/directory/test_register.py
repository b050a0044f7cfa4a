"""What the directory's in-memory register promises to the API and the gateway."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import replace
from datetime import date

import pytest

from directory.changes import DirectoryRecord, DirectorySecret, Heard, State
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
from directory.register import Register
from directory.sealing import Sealed
from directory.webhook_endpoint import WebhookEndpoint

USER_ID = str(uuid.UUID(int=1))
PROPERTY_ID = str(uuid.UUID(int=2))
ENTITY_ID = str(uuid.UUID(int=3))

LEASE = Lease(
    property_id=PROPERTY_ID,
    renter_id=USER_ID,
    rent_amount_minor=150000,
    due_day=1,
    start_date=date(2025, 2, 15),
    end_date=None,
)
ENDPOINT = WebhookEndpoint(url="https://example.com/hooks")
ACCOUNT = BankAccount(
    user_id=USER_ID, account_holder_name="Bob", account_type=AccountType.CHECKING, token="ba_1", last4="6789"
)


def record(
    entity: Entity, *, version: int = 1, state: State = State.ACTIVE, tenant_id: str = "acme"
) -> DirectoryRecord:
    return DirectoryRecord(
        entity_id=ENTITY_ID,
        tenant_id=tenant_id,
        kind=KINDS[type(entity)],
        state=state,
        version=version,
        created_by=str(uuid.UUID(int=4)),
        changed_by=str(uuid.UUID(int=4 + version)),
        fingerprint=b"f" * 32,
        created_at_us=1_750_000_000_000_000,
        updated_at_us=1_750_000_000_000_000 + version,
        entity=entity,
    )


def secret(kind: Kind, entity_id: str = ENTITY_ID) -> DirectorySecret:
    sealed = Sealed(key_id="k1", nonce=b"n" * 12, ciphertext=entity_id.encode())
    return DirectorySecret(entity_id=entity_id, tenant_id="acme", kind=kind, sealed=sealed)


@pytest.mark.parametrize(
    ("entity", "known"),
    [
        (Tenant(name="Acme"), {}),
        (ApiKey(name="till", scopes=(Scope.READ, Scope.WRITE), hint="abcd"), {"scopes": (Scope.READ, Scope.WRITE)}),
        (User(email="bob@renter.com", role=Role.RENTER, name=None), {"role": Role.RENTER}),
        (
            ACCOUNT,
            {
                "user_id": USER_ID,
                "token": "ba_1",
                "account_holder_name": "Bob",
                "account_type": AccountType.CHECKING,
            },
        ),
        (Property(owner_id=USER_ID, address="1 Main St"), {"owner_id": USER_ID}),
        (LEASE, {"property_id": PROPERTY_ID, "renter_id": USER_ID}),
        (ENDPOINT, {"endpoint": ENDPOINT}),
    ],
)
def test_an_entry_holds_what_a_check_of_its_kind_needs_and_nothing_else(
    entity: Entity, known: dict[str, object]
) -> None:
    register = Register()
    assert register.apply_event(record(entity))
    entry = register.get(ENTITY_ID)
    assert entry is not None
    assert (entry.kind, entry.tenant_id, entry.version) == (KINDS[type(entity)], "acme", 1)
    assert entry.is_active
    assert entry.created_by == str(uuid.UUID(int=4))
    assert entry.fingerprint == b"f" * 32
    always = {"kind", "tenant_id", "state", "version", "created_by", "fingerprint", "created_at_us"}
    fields = {field.name for field in dataclasses.fields(entry)} - always
    assert {name: getattr(entry, name) for name in fields if getattr(entry, name)} == known


def test_every_kind_of_entity_can_be_registered() -> None:
    assert set(KINDS) == {Tenant, ApiKey, User, BankAccount, Property, Lease, WebhookEndpoint}


def test_an_older_version_read_again_changes_nothing() -> None:
    register = Register()
    created = record(ACCOUNT)
    revoked = replace(created, version=2, state=State.REVOKED)
    assert register.apply_event(created)
    assert register.apply_event(revoked)
    assert not register.apply_event(created)
    assert not register.apply_event(revoked)
    entry = register.get(ENTITY_ID)
    assert entry is not None
    assert entry.state is State.REVOKED
    assert not entry.is_active
    assert len(register) == 1


def test_the_changes_that_were_made_are_known_with_their_entity() -> None:
    register = Register()
    heard = (Heard(command_id=USER_ID, fingerprint=b"f"),)
    assert register.apply_event(replace(record(ENDPOINT, version=2), heard=heard))
    entry = register.get(ENTITY_ID)
    assert entry is not None
    assert entry.heard == heard


def test_what_was_never_created_is_unknown() -> None:
    assert Register().get(ENTITY_ID) is None
    assert Register().secret(ENTITY_ID) is None


def test_a_secret_may_arrive_before_its_entity() -> None:
    register = Register()
    assert register.apply_secret(secret(Kind.BANK_ACCOUNT))
    assert register.get(ENTITY_ID) is None
    assert register.secret(ENTITY_ID) == secret(Kind.BANK_ACCOUNT).sealed


def test_only_the_secrets_that_the_process_uses_are_kept() -> None:
    register = Register(keeps_secret=lambda candidate: candidate.kind is Kind.API_KEY)
    account_id, key_id = str(uuid.UUID(int=5)), str(uuid.UUID(int=6))
    assert not register.apply_secret(secret(Kind.BANK_ACCOUNT, account_id))
    assert register.apply_secret(secret(Kind.API_KEY, key_id))
    assert register.secret(account_id) is None
    assert register.secret(key_id) is not None
