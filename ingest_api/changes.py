"""How things of the directory change: one command, based on what is known, and again when somebody else was first."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from directory.changes import Action, DirectoryCommand, VersionConflict
from directory.entities import Entity, Kind, keyed_id
from directory.register import Entry
from directory.sealing import NONCE_BYTES
from ingest_api.parts import Parts
from ingest_api.refusals import EntityKeyReused, NotFound
from payments.fields import uuid_faults
from payments.idempotency import canonical_json

# Two that change one thing at once are rare, and one of them is made whatever the others do.
ATTEMPTS_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a request asks for. `body` is all that it said, `operation` the name of the route."""

    tenant_id: str
    kind: Kind
    entity_id: str
    operation: str
    body: Sequence[Any]
    idempotency_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What the entity becomes, and its secrets, where the change brings others."""

    entity: Entity
    secret: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAnswer:
    """The entity after the change, or, when the log does not show that in time (`is_made` False), before it."""

    entry: Entry
    command_id: str
    is_made: bool = True
    is_replayed: bool = False


# From what is known, and the id of the command that will say it.
Decide = Callable[[Entry, str], Awaitable[Replacement]]


async def own_entry(parts: Parts, tenant_id: str, kind: Kind, entity_id: str) -> Entry:
    """Return what is known of the tenant's entity, revoked ones too; raises NotFound, or LogUnreachable: not known."""
    entity_id = entity_id.lower()
    if not uuid_faults("id", entity_id):
        await parts.directory.learn([entity_id])
        entry = parts.directory.get(entity_id)
        if entry is not None and (entry.tenant_id, entry.kind) == (tenant_id, kind):
            return entry
    raise not_found(kind)


def not_found(kind: Kind) -> NotFound:
    """Return the refusal of an id that is nothing of the caller's."""
    return NotFound(kind.replace("_", " "))


class Changes:
    """Changes and revokes entities."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def change(self, change: Change, decide: Decide) -> ChangeAnswer:
        """Return what came of the change; of one that was made before under its key, the same again.

        `decide` is asked anew for each version that the change has to start from. Raises NotFound, EntityKeyReused or
        VersionConflict, or what `decide` raises.
        """
        parts = self._parts
        entry = await own_entry(parts, change.tenant_id, change.kind, change.entity_id)
        command_id = str(uuid.uuid4())
        if change.idempotency_key is not None:
            # Of one thing: the same key may well stand in the requests for several.
            command_id = keyed_id(change.tenant_id, change.kind, f"{change.entity_id}:{change.idempotency_key}")
            if not _has_heard(entry, command_id):
                # Another process may have answered the first request a moment ago.
                await parts.directory.catch_up()
                entry = parts.directory.get(change.entity_id) or entry
        body = canonical_json([change.kind, change.operation, *change.body]).encode()
        fingerprints = parts.config.keyring.digests(body)
        if _has_heard(entry, command_id):
            _require_same(entry, command_id, fingerprints)
            return ChangeAnswer(entry=entry, command_id=command_id, is_replayed=True)
        deadline = time.monotonic() + parts.config.outcome_wait_s
        for _ in range(ATTEMPTS_MAX):
            if not entry.is_active:
                raise not_found(change.kind)
            newer = await self._attempt(
                change, entry, await decide(entry, command_id), command_id, fingerprints, deadline
            )
            if newer is None:
                return ChangeAnswer(entry=entry, command_id=command_id, is_made=False)
            if _has_heard(newer, command_id):
                _require_same(newer, command_id, fingerprints)
                return ChangeAnswer(entry=newer, command_id=command_id)
            # Each version is changed once: what was based on one that somebody else has changed is refused.
            entry = newer
        raise VersionConflict(change.entity_id, entry.version)

    async def revoke(self, entry: Entry, entity_id: str) -> bool:
        """Revoke an entity and return whether the log shows it in time; one that is revoked stays so."""
        parts = self._parts
        if entry.is_active:
            command = DirectoryCommand(
                command_id=str(uuid.uuid4()),
                action=Action.REVOKE,
                entity_id=entity_id,
                tenant_id=entry.tenant_id,
                kind=entry.kind,
                fingerprint=b"",
                requested_at_us=parts.now_us(),
            )
            await parts.commands.send(command)
            wait_s = parts.config.outcome_wait_s
            return await parts.directory.wait_for(entity_id, lambda known: not known.is_active, wait_s) is not None
        return True

    async def _attempt(
        self,
        change: Change,
        entry: Entry,
        replacement: Replacement,
        command_id: str,
        fingerprints: Sequence[bytes],
        deadline: float,
    ) -> Entry | None:
        """Send the command and return the version after the one that it is based on; None when that does not come."""
        parts = self._parts
        sealed = None
        if replacement.secret is not None:
            sealed = parts.config.keyring.seal(change.entity_id, replacement.secret, os.urandom(NONCE_BYTES))
        command = DirectoryCommand(
            command_id=command_id,
            action=Action.CHANGE,
            entity_id=change.entity_id,
            tenant_id=change.tenant_id,
            kind=change.kind,
            fingerprint=fingerprints[0],
            requested_at_us=parts.now_us(),
            entity=replacement.entity,
            sealed=sealed,
            based_on=entry.version,
        )
        await parts.commands.send(command)
        left_s = max(0.0, deadline - time.monotonic())
        return await parts.directory.wait_for(change.entity_id, lambda known: known.version > entry.version, left_s)


def _has_heard(entry: Entry, command_id: str) -> bool:
    return any(heard.command_id == command_id for heard in entry.heard)


def _require_same(entry: Entry, command_id: str, fingerprints: Sequence[bytes]) -> None:
    if not any(heard.command_id == command_id and heard.fingerprint in fingerprints for heard in entry.heard):
        raise EntityKeyReused
