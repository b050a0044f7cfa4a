"""How the directory changes: commands in, one entity version out, decided by the same single-writer rule as payments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from directory.entities import KINDS, Entity, Kind
from directory.sealing import Sealed
from payments.refusals import Refusal


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
    """Create or revoke one entity. `fingerprint` is a keyed hash of the caller's body, `sealed` its secrets."""

    command_id: str
    action: Action
    entity_id: str
    tenant_id: str
    kind: Kind
    fingerprint: bytes
    requested_at_us: int
    entity: Entity | None = None
    sealed: Sealed | None = None


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
    """The record and, where the command brought one, the secret to write."""

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
    if command.action is Action.CREATE:
        return _create(command, record)
    return _revoke(command, record)


def _create(command: DirectoryCommand, record: DirectoryRecord | None) -> Changed | Known | NotChanged:
    assert command.entity is not None, "the codec refuses a create without its entity"
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
