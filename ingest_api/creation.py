"""How things of the directory come to be: one command, one wait on the log, the same answer to every replay."""

from __future__ import annotations

import os
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from directory.changes import Action, DirectoryCommand, State
from directory.entities import Entity, Kind, keyed_id
from directory.register import Entry
from directory.sealing import NONCE_BYTES
from ingest_api.answers import json_answer
from ingest_api.parts import Parts
from ingest_api.refusals import EntityKeyReused, Taken
from ingest_api.representations import entity_now
from payments.idempotency import canonical_json

OPERATOR = "directpay"  # Whose keys those of the operator's own POSTs are.


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """What a POST asks for. `body` is everything the caller said, secrets too: only its keyed hash leaves the process.

    `taken_field` names the field that gives the entity its id (an e-mail, a tenant's id); None when the id comes from
    the idempotency key, or from nowhere.
    """

    tenant_id: str
    kind: Kind
    entity_id: str
    entity: Entity
    body: Sequence[Any]
    idempotency_key: str | None
    path: str | None = None
    taken_field: str | None = None


def new_entity_id(tenant_id: str, kind: Kind, idempotency_key: str | None) -> str:
    """Return the id of something that has no id of its own: the key's, so that a retry names the same thing."""
    return str(uuid.uuid4()) if idempotency_key is None else keyed_id(tenant_id, kind, idempotency_key)


class Creations:
    """Creates entities; raises EntityKeyReused or Taken when the id stands for something else."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(
        self,
        creation: Creation,
        *,
        secret: Callable[[], Awaitable[bytes]] | None = None,
        shown_once: dict[str, Any] | None = None,
        shown_again: Callable[[], Awaitable[dict[str, Any]]] | None = None,
    ) -> Response:
        """Answer 201 to whoever created it, 200 to a replay, 202 when the log does not show it in time.

        `secret` is awaited for the bytes to seal, and only when they are needed. `shown_once` is told to the creator
        alone, with the 201; every other answer has the same members empty, or, with a 200, as `shown_again` says.
        """
        parts = self._parts
        blank = dict.fromkeys(shown_once or {})
        command_id = self._command_id(creation)
        fingerprints = parts.config.keyring.digests(canonical_json([creation.kind, *creation.body]).encode())
        known = await self._known(creation, command_id)
        if known is not None:
            self._require_same(creation, known, command_id, fingerprints)
            shown = blank if shown_again is None else await shown_again()
            return self._answer(creation, known.created_at_us, status=200, shown_once=shown)
        sealed = None
        if secret is not None:
            sealed = parts.config.keyring.seal(creation.entity_id, await secret(), os.urandom(NONCE_BYTES))
        command = DirectoryCommand(
            command_id=command_id,
            action=Action.CREATE,
            entity_id=creation.entity_id,
            tenant_id=creation.tenant_id,
            kind=creation.kind,
            fingerprint=fingerprints[0],
            requested_at_us=parts.now_us(),
            entity=creation.entity,
            sealed=sealed,
        )
        await parts.commands.send(command)
        made = await parts.directory.wait_for(creation.entity_id, self._is_there(creation), parts.config.outcome_wait_s)
        if made is None:
            # A secret that is told must be the one that is kept, and another request of the same key may come first.
            return self._answer(creation, None, status=202, shown_once=blank)
        self._require_same(creation, made, command_id, fingerprints)
        if made.created_by != command_id:
            shown = blank if shown_again is None else await shown_again()
            return self._answer(creation, made.created_at_us, status=200, shown_once=shown)
        return self._answer(creation, made.created_at_us, status=201, shown_once=shown_once)

    def _command_id(self, creation: Creation) -> str:
        """Return a new id; or the key's, where that is not in the entity's own id, to tell the key's replays."""
        if creation.taken_field is None or creation.idempotency_key is None:
            return str(uuid.uuid4())
        owner = OPERATOR if creation.kind is Kind.TENANT else creation.tenant_id
        return keyed_id(owner, creation.kind, creation.idempotency_key)

    async def _known(self, creation: Creation, command_id: str) -> Entry | None:
        directory = self._parts.directory
        if creation.idempotency_key is not None and directory.get(creation.entity_id) is None:
            # Another process may have answered the first request a moment ago.
            await directory.catch_up()
        made_by_key = directory.made_by(command_id)
        if made_by_key not in (None, creation.entity_id):
            raise EntityKeyReused
        return directory.get(creation.entity_id)

    def _is_there(self, creation: Creation) -> Callable[[Entry], bool]:
        if creation.kind is not Kind.API_KEY:
            return lambda _entry: True
        # A key works only when its hash is known too; the two arrive on two topics.
        return lambda _entry: self._parts.directory.secret(creation.entity_id) is not None

    def _require_same(self, creation: Creation, entry: Entry, command_id: str, fingerprints: Sequence[bytes]) -> None:
        if entry.created_by != command_id and creation.taken_field is not None:
            raise Taken(creation.taken_field)
        if (entry.tenant_id, entry.kind) != (
            creation.tenant_id,
            creation.kind,
        ) or entry.fingerprint not in fingerprints:
            raise EntityKeyReused

    def _answer(
        self, creation: Creation, created_at_us: int | None, *, status: int, shown_once: dict[str, Any] | None
    ) -> Response:
        body = entity_now(
            creation.entity_id,
            creation.entity,
            tenant_id=creation.tenant_id,
            state=State.ACTIVE,
            created_at_us=created_at_us,
        )
        location = creation.path + creation.entity_id if creation.path is not None else None
        return json_answer(body | (shown_once or {}), status=status, location=location, replayed=status == 200)
