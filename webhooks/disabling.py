"""Disabling an endpoint that is gone or fails for days: a change of the directory, as its owner would ask for it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from business_clock import Clock
from directory.changes import Action, DirectoryCommand
from directory.entities import Kind
from directory.webhook_endpoint import DisabledReason
from kafka_log.producer import LogUnavailable, OutRecord, Position
from schemas import codec
from schemas.topics import DIRECTORY_COMMANDS
from webhooks import metrics
from webhooks.endpoints import Endpoints, Standing
from webhooks.notice import disabling, disabling_id

log = structlog.get_logger(__name__)

RETRY_PAUSE_S = 0.5

Send = Callable[[Sequence[OutRecord]], Awaitable[list[Position]]]


class Disabler:
    """Asks for the change, and has nothing attempted until then. If somebody changes the endpoint first, that holds."""

    def __init__(self, endpoints: Endpoints, send: Send, clock: Clock) -> None:
        self._endpoints = endpoints
        self._send = send
        self._clock = clock

    async def disable(self, endpoint_id: str, reason: DisabledReason) -> None:
        """Ask the directory to disable an endpoint as it is now; return when the wish is on the log."""
        entry = self._endpoints.entry(endpoint_id)
        assert entry is not None
        assert entry.endpoint is not None
        if self._endpoints.standing(endpoint_id) is not Standing.OPEN:
            return
        self._endpoints.closing(endpoint_id, entry.version)
        change = disabling(endpoint_id, entry.version, reason)
        command = DirectoryCommand(
            command_id=disabling_id(change),
            action=Action.CHANGE,
            entity_id=endpoint_id,
            tenant_id=entry.tenant_id,
            kind=Kind.WEBHOOK_ENDPOINT,
            fingerprint=hashlib.sha256(change.encode()).digest(),
            requested_at_us=self._clock.now_us(),
            entity=replace(entry.endpoint, enabled=False, disabled_reason=reason),
            based_on=entry.version,
        )
        await self._tell(command)
        metrics.DISABLED.labels(reason.value).inc()
        log.warning(
            "webhook_endpoint_disabled", endpoint_id=endpoint_id, tenant_id=entry.tenant_id, reason=reason.value
        )

    async def _tell(self, command: DirectoryCommand) -> None:
        record = OutRecord(topic=DIRECTORY_COMMANDS.name, key=command.entity_id, value=codec.encode(command))
        while True:
            try:
                await self._send([record])
            except LogUnavailable as error:
                metrics.LOG_FAILURES.inc()
                log.warning("disabling_not_acknowledged", endpoint_id=command.entity_id, error=str(error))
                await asyncio.sleep(RETRY_PAUSE_S)
            else:
                return
