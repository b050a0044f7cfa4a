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
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kafka_log.reader import LogGap
from kafka_log.topics_admin import TopicsUnfit, require_partitions
from observability.health import HealthServer
from projections.analyst_watch import AnalystWatch
from projections.batch import Batch, Move, Place, UnprojectableRecord, read_batch
from projections.log_source import Extent, LogSource
from projections.migrate import MigrationRefused, check_migrated
from projections.named_sql import statement
from projections.transaction import Overtaken, prepare, write
from schemas.codec import decode
from schemas.topics import PAYMENT_REJECTIONS

log = structlog.get_logger(__name__)

GROUP_ID = "directpay-projector"
BATCH_RECORDS_MAX = 4000  # A transaction of a few hundred milliseconds, and some megabytes of rows in memory.
POLL_S = 0.1
# How often positions are written although nothing came: what `freshness` says is at most so old.
IDLE_MARK_S = 2.0
RETRY_S_MIN, RETRY_S_MAX = 0.1, 2.0
CONNECT_TIMEOUT_S = 5
# Longer than any batch; a transaction that hangs longer than this ends with an error and is tried again.
STATEMENT_TIMEOUT_MS = 60_000
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
)


class ForeignLog(Exception):
    """The positions in Postgres are not of this Kafka: projecting on would mix two logs."""


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
        # Partitions that have not been read to the end that they had when this projector was given them.
        self._behind: dict[Place, int] | None = None
        # Where reading met the end: behind the transaction markers that follow a partition's last record.
        self._ends_reached: dict[Place, int] = {}
        self._failing_since: float | None = None
        self._marked_at = 0.0

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
            batch = read_batch(fetch.records, self._positions, log_ends, decode)
            if not fetch.records and time.monotonic() - self._marked_at > IDLE_MARK_S:
                batch = self._mark(source)
            if batch.moves and not self._write(batch):
                return
            self._ends_reached |= fetch.ends_reached
            self._reach(fetch.ends_reached)

    def _take_positions(self, source: LogSource) -> bool:
        """Take up every partition of the share where Postgres says; False when the share has changed meanwhile."""
        generation = source.generation
        wait_s = RETRY_S_MIN
        while not self._stop.is_set() and source.generation == generation:
            try:
                extents = source.extents()
                self._positions = self._stored_positions(extents)
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

    def _stored_positions(self, extents: dict[Place, Extent]) -> dict[Place, int]:
        connection = self._connected()
        places = sorted(extents)
        with connection.transaction():
            connection.execute(
                statement("open_positions"),
                {
                    "topics": [topic for topic, _ in places],
                    "partitions": [partition for _, partition in places],
                    "topic_ids": [extents[place].topic_id for place in places],
                    "begins": [extents[place].begin for place in places],
                    "log_ends": [extents[place].end for place in places],
                },
            )
            stored = connection.execute(statement("read_positions")).fetchall()
        positions = {}
        for topic, partition, topic_id, position in stored:
            if (extent := extents.get((topic, partition))) is not None:
                positions[topic, partition] = _checked(topic, partition, topic_id, position, extent)
        return positions

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

    def _mark(self, source: LogSource) -> Batch:
        """Return a batch without records: it says that the views are as new as the log, up to now."""
        self._marked_at = time.monotonic()
        moves = []
        for place, position in sorted(self._positions.items()):
            new = max(position, self._ends_reached.get(place, 0))
            end = source.log_end(place)
            moves.append(
                Move(topic=place[0], partition=place[1], old=position, new=new, log_end=end, record_at_us=None)
            )
        return Batch(moves=tuple(moves))

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
                _with_settings(self._config.postgres),
                autocommit=True,
                prepare_threshold=0,
                connect_timeout=CONNECT_TIMEOUT_S,
            )
            try:
                check_migrated(connection)
                prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _checked(topic: str, partition: int, topic_id: str, position: int, extent: Extent) -> int:
    """Return where to read on, or raise ForeignLog when the stored position is not one of this log."""
    name = f"{topic}[{partition}]"
    if topic_id != extent.topic_id:
        raise ForeignLog(f"the views were projected from another topic {topic} ({topic_id}, here {extent.topic_id})")
    if position > extent.end:
        raise ForeignLog(f"the views are projected to offset {position} of {name}, which ends at {extent.end}")
    if position < extent.begin:
        if topic == PAYMENT_REJECTIONS.name:
            # Refusals are kept for 30 days, in the log and so in the views; what is gone is older than that.
            log.warning("rejections_expired", partition=partition, projected_to=position, begins_at=extent.begin)
            return position
        raise ForeignLog(f"the views are projected to offset {position} of {name}, which now begins at {extent.begin}")
    return position


def _with_settings(uri: str) -> str:
    given = conninfo_to_dict(uri).get("options") or ""
    # Without waiting for the disk: what a crash of Postgres takes from the end, rows with positions, is in the log.
    ours = f"-c synchronous_commit=off -c timezone=UTC -c jit=off -c statement_timeout={STATEMENT_TIMEOUT_MS}"
    # Temporary tables are small and emptied often: they stay in memory.
    ours += " -c temp_buffers=64MB -c plan_cache_mode=force_custom_plan"
    # A server that vanished without a word (a pulled cable) is noticed in half a minute.
    return make_conninfo(
        uri,
        options=f"{given} {ours}".strip(),
        application_name="directpay-projector",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=4,
        tcp_user_timeout=30_000,
    )
