"""What clients were told: the oracle's own log, append-only JSON lines that are on the disk before the run goes on."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

LINES_AT_ONCE_MAX = 10_000


class Channel(StrEnum):
    """The way a request came."""

    HTTP = "http"
    BATCH = "batch"
    MURMUR2 = "kafka_murmur2"  # A producer that places keys as the stream app expects.
    CRC32 = "kafka_crc32"  # One with librdkafka's default: most of its keys land on other partitions.


class Ask(StrEnum):
    """What was asked for."""

    PAY = "pay"
    CANCEL = "cancel"
    REFUND = "refund"


class Said(StrEnum):
    """What a client may rely on."""

    ACCEPTED = "accepted"  # A 2xx, or Kafka's acknowledgement.
    REFUSED = "refused"  # A 4xx that a retry would not change.
    UNKNOWN = "unknown"  # 503, 429, 5xx, a time-out, a dropped connection.


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was to be paid: the part of a body that distinguishes bodies here."""

    payer: str
    payee: str
    amount_minor: int
    rail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to one request, or its lack. `command_id` is known where we made it; `status` is HTTP's.

    Of a refund, `payment_id` is its own, and `refund_minor` what was asked for, None for all that is left.
    """

    at_us: int
    channel: Channel
    ask: Ask
    payment_id: str
    said: Said
    terms: Terms | None = None
    command_id: str | None = None
    status: int | None = None
    code: str | None = None
    refund_minor: int | None = None


class AnswerLog:
    """Appends answers to the file at `path`; one thread writes, and syncs once for all that came meanwhile."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._encoder = msgspec.json.Encoder()
        self._queue: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="answer-log", daemon=True)
        self._thread.start()

    def add(self, answer: Answer) -> None:
        self._queue.put(answer)

    def close(self) -> None:
        """Return when everything is on the disk."""
        self._queue.put(None)
        self._thread.join()
        self._file.close()

    def _write(self) -> None:
        while True:
            answers = [self._queue.get()]
            while len(answers) < LINES_AT_ONCE_MAX and not self._queue.empty():
                answers.append(self._queue.get())
            self._file.write(b"".join(self._encoder.encode(each) + b"\n" for each in answers if each is not None))
            self._file.flush()
            os.fsync(self._file.fileno())
            if None in answers:
                return


def read_answers(path: Path) -> Iterator[Answer]:
    """Yield the answers in the order in which they came."""
    decoder = msgspec.json.Decoder(Answer)
    with path.open("rb") as lines:
        for line in lines:
            yield decoder.decode(line)
