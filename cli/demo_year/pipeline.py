"""The way into the pipeline: commands straight to Kafka, and the wait until the stream app has decided them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from confluent_kafka import KafkaException

from cli.demo_year.trouble import NoProgress
from directory.changes import DirectoryCommand
from kafka_log.producer import LogProducer, LogUnavailable, OutRecord
from payments.commands import CancelPayment, InitiatePayment
from schemas.codec import encode
from schemas.topics import DIRECTORY_COMMANDS, PAYMENT_COMMANDS
from stream_app import GROUP
from stream_app.exactly_once.group_offsets import GroupOffsets

CLIENT = "directpay-demo-data"
SEND_S_MAX = 30.0
# Longer than a worker's restart.
DECIDED_S_MAX = 60.0
POLL_S = 0.01

Command = InitiatePayment | CancelPayment | DirectoryCommand


class Pipeline:
    """Sends commands, each to the partition of its key, in the order in which they are given."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = LogProducer(bootstrap, client_id=CLIENT, delivery_timeout_s=SEND_S_MAX, linger_ms=1)
        self._offsets = GroupOffsets(bootstrap, GROUP, client_id=f"{CLIENT}-offsets")
        self._ends: dict[tuple[str, int], int] = {}

    def send(self, commands: Sequence[Command]) -> None:
        """Return when Kafka has acknowledged all; raises NoProgress."""
        try:
            positions = self._producer.send_all_blocking(list(_records(commands)))
        except LogUnavailable as error:
            raise NoProgress(f"Kafka does not take commands: {error}") from error
        for each in positions:
            place = (each.topic, each.partition)
            self._ends[place] = max(self._ends.get(place, 0), each.offset + 1)

    def wait_decided(self) -> None:
        """Return when the stream app has committed its decision on everything that was sent; raises NoProgress."""
        give_up_at = time.monotonic() + DECIDED_S_MAX
        while self._ends:
            committed = self._committed()
            left = {place: end for place, end in self._ends.items() if (committed.get(place) or 0) < end}
            if len(left) < len(self._ends):
                give_up_at = time.monotonic() + DECIDED_S_MAX
            self._ends = left
            if left and time.monotonic() > give_up_at:
                raise NoProgress(f"the stream app has decided nothing for {DECIDED_S_MAX:g} s")
            if left:
                time.sleep(POLL_S)

    def _committed(self) -> dict[tuple[str, int], int | None]:
        try:
            return self._offsets.of(self._ends)
        except KafkaException as error:
            raise NoProgress(f"Kafka does not tell what is decided: {error}") from error

    def close(self) -> None:
        self._producer.close()
        self._offsets.close()


def _records(commands: Iterable[Command]) -> Iterable[OutRecord]:
    for command in commands:
        if isinstance(command, DirectoryCommand):
            yield OutRecord(topic=DIRECTORY_COMMANDS.name, key=command.entity_id, value=encode(command))
        else:
            yield OutRecord(topic=PAYMENT_COMMANDS.name, key=command.key, value=encode(command))
