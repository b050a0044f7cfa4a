"""How the directory changes: commands in, one entity version out, decided by one writer as for payments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from directory.entities import KINDS, Entity, Kind, User, tenant_id_faults, user_id
from directory.sealing import Sealed
from payments.fields import Faults, fault, time_faults, uuid_faults
from payments.refusals import InvalidCommand, Refusal

FINGERPRINT_BYTES_MAX = 64


class Action(StrEnum):
    """What a directory command asks."""

    CREATE = "create"
    REVOKE = "revoke"


class State(StrEnum):
    """Whether an entity may be used."""

    ACTIVE = "active"
    REVOKED = "revoked"


class EntityExists(Refusal):
    """The id is taken: the e-mail has a user already, or the idempotency key was used with another body."""

    code = "entity-exists"

    def __init__(self, entity_id: str) -> None:
        super().__init__(f"{entity_id} exists already, with other content")
        self.entity_id = entity_id


class EntityUnknown(Refusal):
    """A change to something that was never created, or is of another tenant or kind."""

    code = "entity-unknown"

    def __init__(self, entity_id: str) -> None:
        super().__init__(f"{entity_id} is not known")
        self.entity_id = entity_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryCommand:
    """Create or revoke one entity. `fingerprint` is a keyed hash of the caller's body, `sealed` its secrets.

    Raises InvalidCommand, naming every field at fault.
    """

    command_id: str
    action: Action
    entity_id: str
    tenant_id: str
    kind: Kind
    fingerprint: bytes
    requested_at_us: int
    entity: Entity | None = None
    sealed: Sealed | None = None

    def __post_init__(self) -> None:
        faults = (
            *uuid_faults("command_id", self.command_id),
            *tenant_id_faults("tenant_id", self.tenant_id),
            *time_faults("requested_at", self.requested_at_us),
            *self._entity_id_faults(),
            *self._content_faults(),
        )
        if faults:
            raise InvalidCommand(faults)

    def _entity_id_faults(self) -> Faults:
        if self.kind is Kind.TENANT:
            return () if self.entity_id == self.tenant_id else fault("entity_id", "of a tenant must be its tenant_id")
        if isinstance(self.entity, User) and self.entity_id != user_id(self.tenant_id, self.entity.email):
            # Another id would give an e-mail a second user.
            return fault("entity_id", "of a user must be the one that its tenant and e-mail give")
        return uuid_faults("entity_id", self.entity_id)

    def _content_faults(self) -> Faults:
        match self.action:
            case Action.CREATE:
                faults: Faults = ()
                if self.entity is None or KINDS[type(self.entity)] is not self.kind:
                    faults += fault("entity", f"must be the {self.kind} to create")
                if not 0 < len(self.fingerprint) <= FINGERPRINT_BYTES_MAX:
                    faults += fault("fingerprint", f"must have 1 to {FINGERPRINT_BYTES_MAX} bytes")
                return faults
            case Action.REVOKE:
                if self.entity is not None or self.sealed is not None:
                    return fault("entity", "must be absent when it is revoked, and so must its secrets")
                return ()
            case _:
                assert_never(self.action)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRecord:
    """An entity after its last change: what directory-events carries. `version` counts from 1."""

    entity_id: str
    tenant_id: str
    kind: Kind
    state: State
    version: int
    created_by: str
    changed_by: str
    fingerprint: bytes
    created_at_us: int
    updated_at_us: int
    entity: Entity

    def __post_init__(self) -> None:
        assert KINDS[type(self.entity)] is self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySecret:
    """The sealed secrets of one entity: what directory-secrets carries."""

    entity_id: str
    tenant_id: str
    kind: Kind
    sealed: Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The record and, where the command brought one, the secret to write.

    Whoever writes the two one after the other writes the secret first: once the record is there, a replay of the
    command writes nothing again.
    """

    record: DirectoryRecord
    secret: DirectorySecret | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Heard before: nothing to write."""

    record: DirectoryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class NotChanged:
    """Refused; whatever exists stays as it was."""

    refusal: Refusal


def change(command: DirectoryCommand, record: DirectoryRecord | None) -> Changed | Known | NotChanged:
    """Return what `command` does to the entity of its id."""
    assert record is None or record.entity_id == command.entity_id, "a command meets only its own entity"
    match command.action:
        case Action.CREATE:
            return _create(command, record)
        case Action.REVOKE:
            return _revoke(command, record)
        case _:
            assert_never(command.action)


def _create(command: DirectoryCommand, record: DirectoryRecord | None) -> Changed | Known | NotChanged:
    assert command.entity is not None, "no create is built without its entity"
    if record is not None:
        if (record.tenant_id, record.kind, record.fingerprint) == (
            command.tenant_id,
            command.kind,
            command.fingerprint,
        ):
            return Known(record=record)
        return NotChanged(refusal=EntityExists(command.entity_id))
    created = DirectoryRecord(
        entity_id=command.entity_id,
        tenant_id=command.tenant_id,
        kind=command.kind,
        state=State.ACTIVE,
        version=1,
        created_by=command.command_id,
        changed_by=command.command_id,
        fingerprint=command.fingerprint,
        created_at_us=command.requested_at_us,
        updated_at_us=command.requested_at_us,
        entity=command.entity,
    )
    secret = None
    if command.sealed is not None:
        secret = DirectorySecret(
            entity_id=command.entity_id, tenant_id=command.tenant_id, kind=command.kind, sealed=command.sealed
        )
    return Changed(record=created, secret=secret)


def _revoke(command: DirectoryCommand, record: DirectoryRecord | None) -> Changed | Known | NotChanged:
    if record is None or (record.tenant_id, record.kind) != (command.tenant_id, command.kind):
        return NotChanged(refusal=EntityUnknown(command.entity_id))
    if record.state is State.REVOKED:
        return Known(record=record)
    revoked = replace(
        record,
        state=State.REVOKED,
        version=record.version + 1,
        changed_by=command.command_id,
        updated_at_us=max(command.requested_at_us, record.updated_at_us + 1),
    )
    return Changed(record=revoked, secret=None)
