"""The directory as the gateway keeps it: who has which account, and the sealed numbers of bank accounts only."""

from __future__ import annotations

import structlog
from confluent_kafka import Message

from directory.changes import DirectoryRecord, DirectorySecret
from directory.entities import Kind
from directory.register import Register
from kafka_log.fold import LogFold
from schemas import codec
from schemas.topics import DIRECTORY_EVENTS, DIRECTORY_SECRETS

log = structlog.get_logger(__name__)


def follow_directory(bootstrap: str, *, client_id: str) -> tuple[Register, LogFold]:
    """Return a register, and the fold (not started) that keeps it up to date."""
    register = Register(keeps_secret=lambda secret: secret.kind is Kind.BANK_ACCOUNT)

    def apply(topic: str, message: Message) -> None:
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
            case DirectoryRecord():
                register.apply_event(decoded)
            case DirectorySecret():
                register.apply_secret(decoded)
            case _:
                log.error("directory_record_out_of_place", topic=topic)

    fold = LogFold(bootstrap, [DIRECTORY_EVENTS.name, DIRECTORY_SECRETS.name], apply, client_id=client_id)
    return register, fold
