"""Commands onto the log: acknowledged by Kafka before anybody is told that they were accepted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from prometheus_client import Counter

from directory.changes import DirectoryCommand
from ingest_api.refusals import LogUnreachable
from kafka_log.producer import LogProducer, LogUnavailable, OutRecord
from payments.commands import CancelPayment, InitiatePayment, RefundPayment
from schemas.codec import encode
from schemas.deliveries import WebhookReplay
from schemas.topics import DIRECTORY_COMMANDS, PAYMENT_COMMANDS, WEBHOOK_REQUESTS

# Below the time of a 503, or librdkafka would send what the caller was told is not sent.
DELIVERY_TIMEOUT_S = 2.5

Command = InitiatePayment | CancelPayment | RefundPayment | DirectoryCommand | WebhookReplay

SENT = Counter("directpay_api_commands_total", "Commands that Kafka has acknowledged", ["command"])
UNSENT = Counter("directpay_api_commands_unacknowledged_total", "Commands that Kafka did not acknowledge in time")

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


class CommandLog:
    """Sends commands; raises LogUnreachable when Kafka does not acknowledge within DELIVERY_TIMEOUT_S."""

    def __init__(self, bootstrap: str, *, client_id: str) -> None:
        self._producer = LogProducer(bootstrap, client_id=client_id, delivery_timeout_s=DELIVERY_TIMEOUT_S)

    @property
    def failed(self) -> BaseException | None:
        """What ended the producer for good, if anything did."""
        return self._producer.failed

    async def send(self, command: Command, *, traceparent: str | None = None) -> None:
        await self.send_all([command], traceparent=traceparent)

    async def send_all(self, commands: Sequence[Command], *, traceparent: str | None = None) -> None:
        """Send in order; when one is not acknowledged, the outcome of all is unknown."""
        headers = _headers(traceparent)
        records = [
            OutRecord(topic=topic, key=key, value=encode(command), headers=headers)
            for command, (topic, key) in ((command, _place(command)) for command in commands)
        ]
        try:
            await self._producer.send_all(records)
        except LogUnavailable as error:
            UNSENT.inc(len(records))
            raise LogUnreachable from error
        for command in commands:
            SENT.labels(type(command).__name__).inc()

    def close(self) -> None:
        self._producer.close()


def _place(command: Command) -> tuple[str, str]:
    """Return the topic and the key of a command."""
    match command:
        case DirectoryCommand():
            return DIRECTORY_COMMANDS.name, command.entity_id
        case WebhookReplay():
            return WEBHOOK_REQUESTS.name, command.endpoint_id
        case InitiatePayment() | CancelPayment() | RefundPayment():
            return PAYMENT_COMMANDS.name, command.key
        case _:
            assert_never(command)


def _headers(traceparent: str | None) -> tuple[tuple[str, bytes], ...]:
    # W3C trace context; anything else that a caller puts there stays out of the log.
    if traceparent is None or not _TRACEPARENT.fullmatch(traceparent):
        return ()
    return (("traceparent", traceparent.encode()),)
