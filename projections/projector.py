"""The projector: the log into the views, batch by batch, each batch and the positions behind it in one transaction."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import psycopg
import structlog
from confluent_kafka import KafkaException
from prometheus_client import Counter, Gauge, Histogram
from psycopg import errors

from kafka_log.reader import LogGap
from kafka_log.topics_admin import TopicsUnfit, require_partitions
from observability.collector import let_collector_rest
from observability.health import HealthServer
from projections.analyst_watch import AnalystWatch
from projections.batch import Batch, Place, UnprojectableRecord, mark_quiet, read_batch
from projections.log_source import Extent, LogSource
from projections.migrate import MigrationRefused, check_migrated
from projections.named_sql import statement
from projections.positions import ForeignLog, open_positions, require_not_expired, require_of_this_log
from projections.transaction import Overtaken, session_uri, write
from schemas.payment_memory import PaymentMemory
from schemas.topics import WEBHOOK_DELIVERIES

log = structlog.get_logger(__name__)

GROUP_ID = "directpay-projector"
BATCH_RECORDS_MAX = 4000  # A transaction of a few hundred milliseconds, and some megabytes of rows in memory.
POLL_S = 0.1
# After a batch this projector rests, the longer the more records it had, and others gather: a transaction costs as much
# as twenty of them. Whoever comes to a quiet log is not kept waiting, nor is one that has a lot to catch up with.
REST_S_A_RECORD = 0.002
REST_S_MAX = 0.03
RESTED_RECORDS_MAX = 1000
# Attempts to deliver webhooks are kept for as long as the log keeps them: this often, so many rows at a time.
EXPIRE_S = 60.0
EXPIRED_ROWS_MAX = 5000
# How often positions are written of partitions where nothing came: what `freshness` says is at most so old.
MARK_S = 2.0
RETRY_S_MIN, RETRY_S_MAX = 0.1, 2.0
CONNECT_TIMEOUT_S = 5
# Retrying for this long, the views are stale enough to say so.
FAILING_S_MAX = 5.0

RECORDS = Counter("directpay_projector_records_total", "Records of the log that were projected")
TRANSITIONS = Counter("directpay_projector_transitions_total", "Transitions of payments that were projected")
BATCH_S = Histogram(
    "directpay_projector_batch_seconds",
    "Time of one transaction",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
LAG = Gauge("directpay_projector_lag", "Offsets not projected yet", ["topic", "partition"])
RETRIES = Counter("directpay_projector_retries_total", "Batches tried again after an error of Postgres")
OVERTAKEN = Counter("directpay_projector_overtaken_total", "Batches given up because another projector was first")

# Errors that pass: lost connections and restarts (OperationalError), and a statement that somebody ended. What is left
# (data that a column refuses, a table that is missing) would fail for ever, so the process says so and ends.
_PASSING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,  # a standby, until it is promoted
    errors.InternalError_,
    errors.IdleInTransactionSessionTimeout,  # we were asleep in the middle of a batch
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectorConfig:
    """What the projector is told. `instance` is its name in the group: kept over restarts, different for every one.
    Without the analysts' password nobody watches them."""

    bootstrap: str
    postgres: str = field(repr=False)
    analyst_password: str | None = field(default=None, repr=False)
    partitions: int
    instance: str
    health_port: int
    health_host: str = "127.0.0.1"
    group_id: str = GROUP_ID
    batch_records_max: int = BATCH_RECORDS_MAX


def run(config: ProjectorConfig) -> None:
    """Project until SIGTERM or SIGINT; leaves with exit code 1 and a sentence in the log when it cannot go on."""
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    let_collector_rest()
    projector = Projector(config, stop)
    health = HealthServer(config.health_port, projector.readiness, host=config.health_host).start()
    watch = None
    if config.analyst_password is not None:
        watch = AnalystWatch(config.postgres, config.analyst_password, stop).start()
    try:
        projector.run()
    except (
        UnprojectableRecord,
        ForeignLog,
        LogGap,
        MigrationRefused,
        TopicsUnfit,
        KafkaException,
        psycopg.Error,
    ) as error:
        log.error("projector_stopped", error=str(error), kind=type(error).__name__)
        raise SystemExit(1) from None
    finally:
        stop.set()
        if watch is not None:
            watch.join()
        health.stop()
    log.info("projector_ended")


class Projector:
    """One projector. Whatever happens to it, Kafka or Postgres, it writes each record once, or again without effect."""

    def __init__(self, config: ProjectorConfig, stop: threading.Event) -> None:
        self._config = config
        self._stop = stop
        self._connection: psycopg.Connection | None = None
        self._positions: dict[Place, int] = {}
        self._topic_ids: dict[str, str] = {}
        self._memory = PaymentMemory()
        # Partitions that have not been read to the end that they had when this projector was given them.
        self._behind: dict[Place, int] | None = None
        # Where reading met the end: behind the transaction markers that follow a partition's last record.
        self._ends_reached: dict[Place, int] = {}
        self._failing_since: float | None = None
        self._marked_at = 0.0
        self._expired_at = 0.0

    def run(self) -> None:
        """Project until told to stop."""
        require_partitions(self._config.bootstrap, self._config.partitions)
        source = LogSource(self._config.bootstrap, group_id=self._config.group_id, instance=self._config.instance)
        try:
            while not self._stop.is_set():
                self._project_share(source)
        finally:
            source.close()
            self._disconnect()

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Ready once everything that was in the log at the start is in the views, and while Postgres takes batches."""
        failing_since = self._failing_since
        is_failing = failing_since is not None and time.monotonic() - failing_since > FAILING_S_MAX
        behind = self._behind
        details = {
            "partitions": len(self._positions),
            "partitions_behind": None if behind is None else len(behind),
            "postgres": "failing" if failing_since is not None else "answering",
            "progress": sum(self._positions.get(place, 0) for place in behind or self._positions),
        }
        return behind is not None and not behind and not is_failing, details

    def _project_share(self, source: LogSource) -> None:
        """Project the partitions that this projector has, until the group shares them out anew or it is overtaken."""
        generation = source.generation
        if source.assigned is None:
            source.read(1, POLL_S)
            return
        if not self._take_positions(source):
            return
        while not self._stop.is_set():
            fetch = source.read(self._config.batch_records_max, POLL_S)
            if source.generation != generation:
                return
            places = {(record.topic, record.partition) for record in fetch.records}
            log_ends = {place: source.log_end(place) for place in places}
            batch = read_batch(fetch.records, self._positions, log_ends, self._memory.decode)
            if time.monotonic() - self._marked_at > MARK_S:
                batch = self._mark(source, batch)
            if batch.moves and not self._write(batch):
                return
            self._ends_reached |= fetch.ends_reached
            self._reach(fetch.ends_reached)
            if time.monotonic() - self._expired_at > EXPIRE_S:
                self._expire()
            if 0 < batch.records <= RESTED_RECORDS_MAX:
                self._stop.wait(min(REST_S_A_RECORD * batch.records, REST_S_MAX))

    def _take_positions(self, source: LogSource) -> bool:
        """Take up every partition of the share where Postgres says; False when the share has changed meanwhile."""
        generation = source.generation
        wait_s = RETRY_S_MIN
        while not self._stop.is_set() and source.generation == generation:
            try:
                self._positions, extents = self._stored_positions(source)
            except (*_PASSING, KafkaException) as error:
                self._failed(error, wait_s)
                # Polling keeps this projector in its group; nothing is assigned yet, so nothing is read.
                source.read(1, wait_s)
                wait_s = min(wait_s * 2, RETRY_S_MAX)
                continue
            self._failing_since = None
            self._topic_ids = {topic: extent.topic_id for (topic, _), extent in extents.items()}
            behind = {place: extent.end for place, extent in extents.items() if self._positions[place] < extent.end}
            self._behind = behind if self._behind is None or self._behind else self._behind
            self._ends_reached = {}
            source.start_at({place: max(position, extents[place].begin) for place, position in self._positions.items()})
            log.info("positions_taken", partitions=len(self._positions), behind=sum(behind.values()))
            return True
        return False

    def _stored_positions(self, source: LogSource) -> tuple[dict[Place, int], dict[Place, Extent]]:
        connection = self._connected()
        extents = source.extents()
        with connection.transaction():
            open_positions(connection, extents)
            stored = connection.execute(statement("read_positions")).fetchall()
        # Asked again: another projector, or a rebuild, may have read beyond where the log ended before.
        extents = source.extents()
        positions = {}
        for topic, partition, topic_id, position in stored:
            if (extent := extents.get((topic, partition))) is not None:
                require_of_this_log(topic, partition, topic_id, position, extent)
                positions[topic, partition] = require_not_expired(topic, partition, position, extent)
        return positions, extents

    def _write(self, batch: Batch) -> bool:
        """Write the batch, however often Postgres fails; False when somebody else was first."""
        wait_s = RETRY_S_MIN
        while not self._stop.is_set():
            began = time.perf_counter()
            try:
                transitions = write(self._connected(), batch, self._topic_ids)
            except Overtaken as overtaken:
                # Also after a commit whose answer was lost: then it was ourselves.
                OVERTAKEN.inc()
                log.warning("projector_overtaken", detail=str(overtaken))
                return False
            except _PASSING as error:
                RETRIES.inc()
                self._failed(error, wait_s)
                self._stop.wait(wait_s)
                wait_s = min(wait_s * 2, RETRY_S_MAX)
                continue
            self._written(batch, transitions, time.perf_counter() - began)
            return True
        return False

    def _written(self, batch: Batch, transitions: int, took_s: float) -> None:
        self._failing_since = None
        for move in batch.moves:
            self._positions[move.topic, move.partition] = move.new
            LAG.labels(move.topic, move.partition).set(max(move.log_end - move.new, 0))
        self._reach({(move.topic, move.partition): move.new for move in batch.moves})
        if batch.records:
            RECORDS.inc(batch.records)
            TRANSITIONS.inc(transitions)
            BATCH_S.observe(took_s)
            log.debug("batch_projected", records=batch.records, transitions=transitions, took_s=round(took_s, 4))

    def _expire(self) -> None:
        """Delete some of what is older than the log keeps it; more at once, while there is more."""
        limits = {"kept_ms": WEBHOOK_DELIVERIES.retention_ms, "rows_max": EXPIRED_ROWS_MAX}
        try:
            deleted = self._connected().execute(statement("expire_deliveries"), limits).rowcount
        except _PASSING as error:
            self._failed(error, EXPIRE_S)
            deleted = 0
        if deleted < EXPIRED_ROWS_MAX:
            self._expired_at = time.monotonic()

    def _mark(self, source: LogSource, batch: Batch) -> Batch:
        """Let the batch say of quiet partitions, too, that the views are as new as the log."""
        self._marked_at = time.monotonic()
        log_ends = {place: source.log_end(place) for place in self._positions}
        return mark_quiet(batch, self._positions, self._ends_reached, log_ends)

    def _reach(self, reached: dict[Place, int]) -> None:
        if not self._behind:
            return
        self._behind = {place: end for place, end in self._behind.items() if reached.get(place, 0) < end}
        if not self._behind:
            log.info("projector_caught_up")

    def _failed(self, error: Exception, wait_s: float) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        self._disconnect()
        log.warning("projection_failed", error=str(error).strip(), kind=type(error).__name__, retry_in_s=wait_s)

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            connection = psycopg.connect(
                session_uri(self._config.postgres, "directpay-projector"),
                autocommit=True,
                prepare_threshold=0,
                connect_timeout=CONNECT_TIMEOUT_S,
            )
            try:
                check_migrated(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
