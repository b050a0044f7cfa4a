"""A notice: an endpoint was disabled and its owner did not ask for it, which the tenant's other endpoints are told."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from msgspec import Struct

from directory.changes import DirectoryRecord
from directory.webhook_endpoint import DisabledReason, NoticeType, WebhookEndpoint
from webhooks.endpoints import Endpoints
from webhooks.message import notice_body
from webhooks.pending import Due
from webhooks.taking import CLOCKS_DIFFER_US

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "directpay-webhooks")


class Notice(Struct, frozen=True, kw_only=True):
    """A record of directory-events that disabled an endpoint, and where it stands."""

    partition: int
    offset: int
    record: DirectoryRecord


def disabling(endpoint_id: str, version: int, reason: DisabledReason) -> str:
    """Return what tells the disabling of this version of an endpoint from all other changes."""
    return f"{endpoint_id}:{version}:{reason.value}"


def disabling_id(disabling: str) -> str:
    """Return its command's id: two dispatchers, or one that starts again, ask for it once."""
    return str(uuid.uuid5(_NAMESPACE, disabling))


def notice_of(record: DirectoryRecord, *, partition: int, offset: int) -> Notice | None:
    """Return the notice that a record is; None: nobody was disabled by it, or by the owner.

    What is changed of an endpoint while it stays disabled is none: the command of this very version is looked at.
    """
    endpoint = record.entity
    if not isinstance(endpoint, WebhookEndpoint) or endpoint.disabled_reason is None:
        return None
    change = disabling(record.entity_id, record.version - 1, endpoint.disabled_reason)
    if record.changed_by != disabling_id(change):
        return None
    return Notice(partition=partition, offset=offset, record=record)


def due_of(notice: Notice, endpoints: Endpoints) -> Iterator[Due]:
    """Yield what the tenant's other endpoints are to be told: those that were there and ask for such notices.

    Its message is named by the endpoint and its version, where that of an event has the payment and the sequence.
    """
    record = notice.record
    for endpoint_id in endpoints.of_tenant(record.tenant_id):
        entry = endpoints.entry(endpoint_id)
        assert entry is not None, "an id is of an entry"
        assert entry.endpoint is not None, "nothing else is kept"
        was_there = entry.created_at_us <= record.updated_at_us + CLOCKS_DIFFER_US
        if endpoint_id == record.entity_id or not was_there:
            continue
        if entry.endpoint.wants(NoticeType.ENDPOINT_DISABLED):
            yield Due(
                endpoint_id=endpoint_id,
                payment_id=record.entity_id,
                sequence=record.version,
                partition=notice.partition,
                tenant_id=record.tenant_id,
                event_type=NoticeType.ENDPOINT_DISABLED.value,
                body=notice_body(record),
            )
