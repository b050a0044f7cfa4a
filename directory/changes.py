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
VERSION_MAX = 2**31 - 1  # The wire's int.
# A retry comes within minutes: so many changes of one entity do not.
HEARD_MAX = 16
# The others are as they were created: payments and due dates rest on them.
CHANGEABLE = frozenset({Kind.WEBHOOK_ENDPOINT})


class Action(StrEnum):
    """What a directory command asks."""

    CREATE = "create"
    CHANGE = "change"
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


class EntityRevoked(Refusal):
    """A change to something that was revoked: it stays as it was then."""

    code = "entity-revoked"

    def __init__(self, entity_id: str) -> None:
        super().__init__(f"{entity_id} was revoked")
        self.entity_id = entity_id


class VersionConflict(Refusal):
    """A change was based on another version than the newest: read it again, and decide again what to change."""

    code = "version-conflict"

    def __init__(self, entity_id: str, version: int) -> None:
        super().__init__(f"{entity_id} was changed meanwhile and is at version {version}")
        self.entity_id = entity_id
        self.version = version


class ChangeKeyReused(Refusal):
    """A change under the id of an earlier one, with another body."""

    code = "idempotency-key-reused"

    def __init__(self, entity_id: str) -> None:
        super().__init__(f"another change of {entity_id} was asked for under this id")
        self.entity_id = entity_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryCommand:
    """Create, change or revoke one entity. `fingerprint` is a keyed hash of the caller's body, `sealed` its secrets.

    A change names the version that it is `based_on`, replaces the entity and, where it brings some, the secrets.
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
    based_on: int | None = None

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
                return self._whole_entity_faults() + self._base_faults()
            case Action.CHANGE:
                faults = self._whole_entity_faults() + self._base_faults()
                if self.kind not in CHANGEABLE:
                    faults += fault("kind", f"must be one of {', '.join(CHANGEABLE)} to be changed")
                return faults
            case Action.REVOKE:
                if self.entity is not None or self.sealed is not None:
                    return fault("entity", "must be absent when it is revoked, and so must its secrets")
                return self._base_faults()
            case _:
                assert_never(self.action)

    def _whole_entity_faults(self) -> Faults:
        faults: Faults = ()
        if self.entity is None or KINDS[type(self.entity)] is not self.kind:
            faults += fault("entity", f"must be the {self.kind} to {self.action}")
        if not 0 < len(self.fingerprint) <= FINGERPRINT_BYTES_MAX:
            faults += fault("fingerprint", f"must have 1 to {FINGERPRINT_BYTES_MAX} bytes")
        return faults

    def _base_faults(self) -> Faults:
        if self.action is not Action.CHANGE:
            return () if self.based_on is None else fault("based_on", "must be absent unless it is changed")
        if self.based_on is None or not 1 <= self.based_on <= VERSION_MAX:
            return fault("based_on", f"must be the version that it changes, from 1 to {VERSION_MAX}")
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A change that was made: the command's id and its body's fingerprint."""

    command_id: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRecord:
    """An entity after its last change: what directory-events carries. `version` counts from 1.

    `heard` has the last HEARD_MAX changes, newest last, so that a change that is sent again changes nothing.
    """

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
    heard: tuple[Heard, ...] = ()

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
        case Action.CHANGE:
            return _change(command, record)
        case Action.REVOKE:
            return _revoke(command, record)
        case _:
            assert_never(command.action)


def _create(command: DirectoryCommand, record: DirectoryRecord | None) -> Changed | Known | NotChanged:
    assert command.entity is not None, "no create is built without its entity"
    if record is not None:
        if _is_of(record, command) and record.fingerprint == command.fingerprint:
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
    return Changed(record=created, secret=_secret_of(command))


def _change(command: DirectoryCommand, record: DirectoryRecord | None) -> Changed | Known | NotChanged:
    assert command.entity is not None, "no change is built without its entity"
    if record is None or not _is_of(record, command):
        return NotChanged(refusal=EntityUnknown(command.entity_id))
    # Before all else: of a change that was made, its sender hears the same whatever came after it.
    for heard in record.heard:
        if heard.command_id == command.command_id:
            if heard.fingerprint == command.fingerprint:
                return Known(record=record)
            return NotChanged(refusal=ChangeKeyReused(command.entity_id))
    if record.state is State.REVOKED:
        return NotChanged(refusal=EntityRevoked(command.entity_id))
    if record.version != command.based_on:
        return NotChanged(refusal=VersionConflict(command.entity_id, record.version))
    heard = Heard(command_id=command.command_id, fingerprint=command.fingerprint)
    changed = replace(
        record,
        version=record.version + 1,
        changed_by=command.command_id,
        updated_at_us=max(command.requested_at_us, record.updated_at_us + 1),
        entity=command.entity,
        heard=(*record.heard, heard)[-HEARD_MAX:],
    )
    return Changed(record=changed, secret=_secret_of(command))


def _secret_of(command: DirectoryCommand) -> DirectorySecret | None:
    if command.sealed is None:
        return None
    return DirectorySecret(
        entity_id=command.entity_id, tenant_id=command.tenant_id, kind=command.kind, sealed=command.sealed
    )


def _is_of(record: DirectoryRecord, command: DirectoryCommand) -> bool:
    return (record.tenant_id, record.kind) == (command.tenant_id, command.kind)


def _revoke(command: DirectoryCommand, record: DirectoryRecord | None) -> Changed | Known | NotChanged:
    if record is None or not _is_of(record, command):
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
