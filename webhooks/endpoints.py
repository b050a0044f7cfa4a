"""The endpoints as the dispatcher knows them: a fold of the directory, of webhook endpoints and their secrets only."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import structlog
from confluent_kafka import Message

from directory.changes import DirectoryRecord, DirectorySecret, State
from directory.entities import Kind
from directory.register import Entry, Register
from directory.sealing import CannotOpen, Keyring, Sealed
from directory.webhook_endpoint import WebhookEndpoint
from directory.webhook_secrets import WebhookSecret, from_json
from schemas import codec

log = structlog.get_logger(__name__)


class Standing(Enum):
    """What is to be done with an endpoint's deliveries."""

    OPEN = "open"  # Attempt them.
    UNCLEAR = "unclear"  # Wait: it is not known yet, or its disabling is under way.
    DISABLED = "disabled"  # They fail: a replay brings them when it is enabled again.
    REVOKED = "revoked"  # Forget them.


class Endpoints:
    """One thread applies records, others read meanwhile. `on_change` is called in that thread with an endpoint's id,
    `on_record` with what `apply` has taken of directory-events and where it stands: partition and offset."""

    def __init__(
        self,
        keyring: Keyring,
        on_change: Callable[[str], None],
        on_record: Callable[[DirectoryRecord, int, int], None] = lambda *_: None,
    ) -> None:
        self._keyring = keyring
        self._on_change = on_change
        self._on_record = on_record
        self._register = Register()
        self._of_tenant: dict[str, tuple[str, ...]] = {}
        self._opened: dict[str, tuple[Sealed, tuple[WebhookSecret, ...]]] = {}
        self._closing: dict[str, int] = {}

    def apply(self, topic: str, message: Message) -> None:
        """Take a record of directory-events or directory-secrets."""
        value = message.value()
        if value is None:
            return
        try:
            decoded = codec.decode(value)
        except codec.Undecodable as error:
            where = {"topic": topic, "partition": message.partition(), "offset": message.offset()}
            log.error("directory_record_unreadable", reason=error.reason, **where)
            return
        match decoded:
            case DirectoryRecord(kind=Kind.WEBHOOK_ENDPOINT):
                self.take(decoded)
                partition, offset = message.partition(), message.offset()
                assert partition is not None
                assert offset is not None
                self._on_record(decoded, partition, offset)
            case DirectorySecret(kind=Kind.WEBHOOK_ENDPOINT):
                self.take_secret(decoded)
            case _:
                return

    def take(self, record: DirectoryRecord) -> None:
        """Know an endpoint's newer version."""
        if not self._register.apply_event(record):
            return
        known = self._of_tenant.get(record.tenant_id, ())
        # A new tuple: others may be reading the old one.
        if record.state is State.REVOKED:
            self._of_tenant[record.tenant_id] = tuple(each for each in known if each != record.entity_id)
        elif record.entity_id not in known:
            self._of_tenant[record.tenant_id] = (*known, record.entity_id)
        self._on_change(record.entity_id)

    def take_secret(self, secret: DirectorySecret) -> None:
        self._register.apply_secret(secret)

    @property
    def is_empty(self) -> bool:
        return not self._of_tenant

    def of_tenant(self, tenant_id: str) -> tuple[str, ...]:
        """Return the ids of a tenant's endpoints, enabled or not, but not the revoked ones; oldest first."""
        return self._of_tenant.get(tenant_id, ())

    def entry(self, endpoint_id: str) -> Entry | None:
        return self._register.get(endpoint_id)

    def endpoint(self, endpoint_id: str) -> WebhookEndpoint:
        """Return an endpoint that is known."""
        entry = self._register.get(endpoint_id)
        assert entry is not None
        assert entry.endpoint is not None, "nothing else is kept"
        return entry.endpoint

    def standing(self, endpoint_id: str) -> Standing:
        entry = self._register.get(endpoint_id)
        if entry is None or entry.endpoint is None:
            return Standing.UNCLEAR
        if not entry.is_active:
            return Standing.REVOKED
        if not entry.endpoint.enabled:
            return Standing.DISABLED
        return Standing.UNCLEAR if self._closing.get(endpoint_id) == entry.version else Standing.OPEN

    def closing(self, endpoint_id: str, version: int) -> None:
        """Know that this version of an endpoint is being disabled."""
        self._closing[endpoint_id] = version

    def secrets(self, endpoint_id: str, at_us: int) -> tuple[str, ...]:
        """Return the secrets that sign at this (business) time, the newest first; raises CannotOpen."""
        sealed = self._register.secret(endpoint_id)
        if sealed is None:
            raise CannotOpen(f"{endpoint_id} has no secret")
        opened = self._opened.get(endpoint_id)
        if opened is None or opened[0] is not sealed:
            opened = (sealed, from_json(self._keyring.open(endpoint_id, sealed)))
            self._opened[endpoint_id] = opened
        return tuple(secret.secret for secret in opened[1] if secret.signs_at(at_us))
