"""What every client of ours tells librdkafka, and where librdkafka's own log lines go."""

from __future__ import annotations

import logging
import time
from typing import Any

from confluent_kafka import KafkaError

SAME_LINE_S_MIN = 30.0
LINES_REMEMBERED_MAX = 1000


class SeldomRepeated(logging.Filter):
    """Lets a line through once in 30 s: while a broker is away, each client says so 20 times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line, now = record.getMessage(), time.monotonic()
        if now - self._said_at.get(line, -SAME_LINE_S_MIN) < SAME_LINE_S_MIN:
            return False
        if len(self._said_at) >= LINES_REMEMBERED_MAX:
            self._said_at.clear()
        self._said_at[line] = now
        return True


# librdkafka writes to stderr unless it is given a logger; a process's logging decides about level and form.
LIBRDKAFKA_LOG = logging.getLogger("librdkafka")
LIBRDKAFKA_LOG.addFilter(SeldomRepeated())

# Public names of the client's own errors, for all their underscores.
PARTITION_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001
TIMED_OUT = KafkaError._TIMED_OUT  # noqa: SLF001
OFFSET_NOT_THERE = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001
FATAL = KafkaError._FATAL  # noqa: SLF001

# A broker that comes back is found within a second; librdkafka's own bound is 10 s, and then callers wait for nothing.
RECONNECT_BACKOFF_MS_MIN, RECONNECT_BACKOFF_MS_MAX = 100, 1000
FETCH_BACKOFF_MS = 50
# That a partition ends behind a transaction's marker is told by a fetch that comes back empty: a barrier waits for it.
FETCH_WAIT_MS_MAX = 100


def is_fatal(error: KafkaError) -> bool:
    """Say whether the client that had this error does nothing more, though nobody hears of it again.

    A consumer's comes out of `poll` once, as an error of this code that does not say `fatal()`.
    """
    return bool(error.fatal()) or error.code() == FATAL


def client_settings(bootstrap: str, client_id: str) -> dict[str, Any]:
    """Return the settings of any client of the brokers at `bootstrap` (host:port, comma-separated)."""
    return {
        "bootstrap.servers": bootstrap,
        "client.id": client_id,
        "reconnect.backoff.ms": RECONNECT_BACKOFF_MS_MIN,
        "reconnect.backoff.max.ms": RECONNECT_BACKOFF_MS_MAX,
        "socket.keepalive.enable": True,
        # A topic that was just created, or a broker that just came back, is seen soon.
        "topic.metadata.refresh.fast.interval.ms": 100,
    }


def producer_settings(bootstrap: str, client_id: str, *, linger_ms: float) -> dict[str, Any]:
    """Return the settings of a producer: acknowledged by all replicas, in order, once, keys placed by murmur2."""
    return client_settings(bootstrap, client_id) | {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": linger_ms,
    }


def consumer_settings(bootstrap: str, client_id: str, group_id: str, *, isolation: str) -> dict[str, Any]:
    """Return the settings of a consumer that is told what to read and stores no offsets in Kafka."""
    return client_settings(bootstrap, client_id) | {
        # The client insists on a group; one that only assigns never joins it.
        "group.id": group_id,
        "isolation.level": isolation,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        # A position that is not there (any more) must be noticed, never replaced by another.
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": FETCH_WAIT_MS_MAX,
        "fetch.error.backoff.ms": FETCH_BACKOFF_MS,
        "fetch.queue.backoff.ms": FETCH_BACKOFF_MS,
    }
