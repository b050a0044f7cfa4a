"""Endpoints as tests have them: known to the dispatcher, with a secret, changed and revoked."""

from __future__ import annotations

import uuid
from dataclasses import replace

from directory.changes import DirectoryRecord, DirectorySecret, State
from directory.entities import Kind
from directory.sealing import Keyring
from directory.webhook_endpoint import DisabledReason, ToldType, WebhookEndpoint
from directory.webhook_secrets import WebhookSecret, secret_text, to_json
from tests.unit.payments.histories import T0_US

KEYRING = Keyring({"k1": bytes(32)})
TENANT = "demo"
SECRET = secret_text(bytes(range(32)))


def endpoint_record(
    endpoint_id: str | None = None,
    *,
    tenant_id: str = TENANT,
    url: str = "https://example.com/hook",
    events: tuple[ToldType, ...] = (),
    created_at_us: int = T0_US,
) -> DirectoryRecord:
    return DirectoryRecord(
        entity_id=endpoint_id or str(uuid.uuid4()),
        tenant_id=tenant_id,
        kind=Kind.WEBHOOK_ENDPOINT,
        state=State.ACTIVE,
        version=1,
        created_by=str(uuid.uuid4()),
        changed_by=str(uuid.uuid4()),
        fingerprint=b"f" * 32,
        created_at_us=created_at_us,
        updated_at_us=created_at_us,
        entity=WebhookEndpoint(url=url, events=events),
    )


def disabled(record: DirectoryRecord, reason: DisabledReason = DisabledReason.OWNER) -> DirectoryRecord:
    assert isinstance(record.entity, WebhookEndpoint)
    entity = replace(record.entity, enabled=False, disabled_reason=reason)
    return replace(record, version=record.version + 1, entity=entity)


def enabled(record: DirectoryRecord) -> DirectoryRecord:
    assert isinstance(record.entity, WebhookEndpoint)
    entity = replace(record.entity, enabled=True, disabled_reason=None)
    return replace(record, version=record.version + 1, entity=entity)


def revoked(record: DirectoryRecord) -> DirectoryRecord:
    return replace(record, version=record.version + 1, state=State.REVOKED)


def secret_record(endpoint_id: str, *secrets: WebhookSecret, tenant_id: str = TENANT) -> DirectorySecret:
    """Return the sealed secrets of an endpoint; SECRET, when none is given."""
    kept = secrets or (WebhookSecret(secret=SECRET, made_by=str(uuid.uuid4())),)
    sealed = KEYRING.seal(endpoint_id, to_json(kept), uuid.uuid4().bytes[:12])
    return DirectorySecret(entity_id=endpoint_id, tenant_id=tenant_id, kind=Kind.WEBHOOK_ENDPOINT, sealed=sealed)
