"""A fold of whole topics, kept up to date by a thread: the state of a process that is nothing but what the log says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog
from confluent_kafka import KafkaException, Message
from confluent_kafka.admin import AdminClient

from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from kafka_log.reader import LogReader, Place, ends

log = structlog.get_logger()

RECORDS_A_READ_MAX = 2000
READ_WAIT_S = 0.2
RETRY_PAUSE_S = 0.5


class LogFold:
    """Gives every record of `topics` to `apply`, from the beginning, then as they come; each partition in order.

    `apply(topic, message)` runs in the fold's thread; also for tombstones (a value of None). Only committed records are
    given. An exception of `apply`, or a log that lost records, ends the fold: `failed` has it; the owner should end.
    """

    def __init__(
        self, bootstrap: str, topics: Sequence[str], apply: Callable[[str, Message], None], *, client_id: str
    ) -> None:
        self.failed: BaseException | None = None
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._topics = tuple(topics)
        self._apply = apply
        self._admin = AdminClient(client_settings(bootstrap, f"{client_id}-ends"), logger=LIBRDKAFKA_LOG)
        self._stopping = threading.Event()
        self._moved = threading.Condition()
        self._positions: dict[Place, int] = {}
        self._is_ready = False
        self._asking = threading.Lock()
        self._asked_at = float("-inf")
        self._ends: dict[Place, int] = {}
        self._thread = threading.Thread(target=self._run, name=f"{client_id}-fold", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether everything that was written when the fold started has been applied (and the fold still runs)."""
        return self._is_ready and self.failed is None

    @property
    def positions(self) -> dict[Place, int]:
        """The next offset of each partition: all before it is applied."""
        with self._moved:
            return dict(self._positions)

    @property
    def progress(self) -> int:
        """How much was applied: grows with every record."""
        return sum(self.positions.values())

    def start(self) -> None:
        """Start reading; topics that do not exist yet are waited for."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the batch in hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the fold is ready, and return whether it is."""
        with self._moved:
            self._moved.wait_for(lambda: self._is_ready or self._has_ended(), timeout_s)
        return self.ready

    def catch_up(self, timeout_s: float) -> bool:
        """Apply all that is in the log at this moment, and return True; False when that cannot be had in time.

        Whatever was acknowledged or committed before the call is applied after it. That takes the ends behind records
        of open transactions too: a commit is told to its writer before every partition shows it.
        """
        called_at = time.monotonic()
        deadline = called_at + timeout_s
        if not self.wait_ready(timeout_s):
            return False
        try:
            targets = self._ends_after(called_at, deadline)
        except KafkaException as error:
            log.warning("log_fold_cannot_catch_up", error=str(error))
            return False
        with self._moved:
            self._moved.wait_for(lambda: self._has_ended() or self._reached(targets), deadline - time.monotonic())
            return not self._has_ended() and self._reached(targets)

    def _ends_after(self, called_at: float, deadline: float) -> dict[Place, int]:
        """Return where the partitions ended at some moment after `called_at`; many callers share one question."""
        with self._asking:
            if self._asked_at < called_at:
                asked_at = time.monotonic()
                self._ends = ends(self._admin, list(self.positions), "read_uncommitted", deadline - asked_at)
                self._asked_at = asked_at
            return self._ends

    def _reached(self, targets: dict[Place, int]) -> bool:
        return all(self._positions.get(place, -1) >= offset for place, offset in targets.items())

    def _has_ended(self) -> bool:
        return self.failed is not None or self._stopping.is_set()

    def _run(self) -> None:
        reader = LogReader(self._bootstrap, client_id=self._client_id)
        try:
            targets = self._begin(reader)
            while not self._stopping.is_set():
                for message in reader.read(RECORDS_A_READ_MAX, READ_WAIT_S):
                    self._apply(message.topic() or "", message)
                with self._moved:
                    self._positions = dict(reader.positions)
                    self._is_ready = self._is_ready or self._reached(targets)
                    self._moved.notify_all()
        except Exception as error:
            self.failed = error
            log.exception("log_fold_failed", topics=self._topics)
        finally:
            with self._moved:
                self._moved.notify_all()
            reader.close()

    def _begin(self, reader: LogReader) -> dict[Place, int]:
        """Wait for the topics, assign them from their beginnings, and return their present ends."""
        while not self._stopping.is_set():
            try:
                found = {topic: reader.partitions(topic) for topic in self._topics}
                if all(found.values()):
                    places = [(topic, partition) for topic, partitions in found.items() for partition in partitions]
                    targets = ends(self._admin, places, "read_committed")
                    reader.assign(dict.fromkeys(places, 0))
                    return targets
                log.info("log_fold_waits_for_topics", topics=[topic for topic, there in found.items() if not there])
            except KafkaException as error:
                log.warning("log_fold_waits_for_kafka", error=str(error))
            self._stopping.wait(RETRY_PAUSE_S)
        return {}
