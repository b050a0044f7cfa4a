"""Every projection anew from the log: filled beside the live tables while those serve, then swapped.

The projector's own code writes the rows, so that they are the same; several processes load what was in the log at the
start. Ended at any moment, even by kill -9, a rebuild leaves the live tables as they are; the next one begins anew and
drops what it left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import errors, sql

from projections.batch import Place
from projections.fresh_tables import (
    FreshTables,
    analyse_views,
    finish_tables,
    make_tables,
    require_replaceable,
    show_to_views,
)
from projections.loaders import Loaders, Share, shares
from projections.log_source import Extent
from projections.migrate import check_migrated
from projections.named_sql import statement
from projections.positions import open_positions, require_of_this_log
from projections.swap import shape, swap
from projections.tables_beside import drop_beside
from projections.transaction import session_uri, write
from projections.whole_log import WholeLog

NAME = "directpay-rebuild"
CONNECT_TIMEOUT_S = 5
# Catching up in less than this is close enough to stop the projector for the rest.
CLOSE_S = 0.5
# The projector waits for a swap at most so long; if the rest takes longer, it goes on and the swap is tried again.
DRAIN_S_MAX = 3.0
# A statement that was planned before the views knew the new tables reads none of them: until the swap, all of those
# have begun, and see the old ones.
KNOWN_S_MIN = 1.0
READERS_PAUSE_S = 0.2
PROGRESS_EVERY_S = 1.0

Say = Callable[[str], None]


class RebuildRuns(Exception):
    """Another rebuild of this database is at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild did. `kept` are schemas of replaced tables that somebody may still read."""

    records: int
    transitions: int
    took_s: float
    kept: tuple[str, ...]


def rebuild(*, bootstrap: str, postgres: str, readers_wait_s: float, say: Say) -> Rebuilt:
    """Rebuild and swap; raises RebuildRuns, CannotReplace, SwapRefused, ForeignLog, MigrationRefused, TopicsMissing,
    UnprojectableRecord, and what Postgres and Kafka say; LoadFailed says it of the processes that load. Whoever reads
    the replaced tables is waited for at most `readers_wait_s` seconds; then they stay for the next rebuild to drop.
    """
    with only_rebuild(postgres), _connect(postgres) as connection:
        check_migrated(connection)
        require_replaceable(connection)
        _act_as_owner(connection)
        drop_beside(connection)
        log = WholeLog(bootstrap, client_id=NAME)
        try:
            done = _Rebuild(connection, bootstrap, postgres, log, say).run()
        except BaseException:
            with suppress(psycopg.Error):
                drop_beside(connection)  # What was filled in vain; else the next rebuild does it.
            raise
        finally:
            log.close()
        kept = wait_for_readers(connection, readers_wait_s, say)
        analyse_views(connection)
    return Rebuilt(records=done.records, transitions=done.transitions, took_s=done.took_s, kept=tuple(kept))


def drop_replaced(*, postgres: str, readers_wait_s: float, say: Say) -> list[str]:
    """Drop what earlier rebuilds left, and return the schemas that somebody may still read."""
    with only_rebuild(postgres), _connect(postgres) as connection:
        check_migrated(connection)
        _act_as_owner(connection)
        return wait_for_readers(connection, readers_wait_s, say)


@contextmanager
def only_rebuild(postgres: str) -> Iterator[None]:
    """Keep other rebuilds out, or raise RebuildRuns. It ends with the process, however that ends."""
    with _connect(postgres) as connection:
        check_migrated(connection)
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        with connection.transaction():
            try:
                connection.execute("LOCK TABLE live.rebuild IN EXCLUSIVE MODE NOWAIT")
            except errors.LockNotAvailable:
                raise RebuildRuns("another rebuild of this database is at work") from None
            yield


def wait_for_readers(connection: psycopg.Connection, wait_s: float, say: Say) -> list[str]:
    """Drop tables beside the live ones as they become unused, for at most `wait_s` seconds; return what stays."""
    deadline = time.monotonic() + wait_s
    kept = drop_beside(connection)
    if kept:
        say(f"somebody may still read {', '.join(kept)}: waiting {wait_s:.0f} s at most")
    while kept and time.monotonic() < deadline:
        time.sleep(READERS_PAUSE_S)
        kept = drop_beside(connection)
    return kept


@dataclass(slots=True, kw_only=True)
class _Done:
    records: int = 0
    transitions: int = 0
    took_s: float = 0.0


class _Rebuild:
    """One rebuild: `connection` makes and swaps the tables, sessions of the projector's kind fill them."""

    def __init__(self, connection: psycopg.Connection, bootstrap: str, postgres: str, log: WholeLog, say: Say) -> None:
        self._connection = connection
        self._bootstrap = bootstrap
        self._postgres = postgres
        self._log = log
        self._say = say
        self._done = _Done()
        self._began = self._said_at = time.monotonic()
        self._positions: dict[Place, int] = {}
        self._records_total = 0
        self._topic_ids: dict[str, str] = {}
        self._writer: psycopg.Connection
        self._schema: str

    def run(self) -> _Done:
        """Fill, catch up, swap."""
        extents = self._extents_of_this_log()
        schema_sha256 = shape(self._connection)
        fresh = make_tables(self._connection)
        self._load(fresh, extents)
        self._say(f"loaded {self._figures()}; making keys and indexes")
        finish_tables(self._connection, fresh)
        with psycopg.connect(session_uri(self._postgres, NAME), autocommit=True, prepare_threshold=0) as self._writer:
            self._follow(fresh, extents)
            show_to_views(self._connection, fresh)
            known_at = time.monotonic()
            self._catch_up()
            time.sleep(max(known_at + KNOWN_S_MIN - time.monotonic(), 0.0))
            self._say("swapping")
            swap(self._connection, fresh, self._drain, schema_sha256=schema_sha256)
        self._done.took_s = time.monotonic() - self._began
        self._say(f"swapped: {self._figures()}")
        return self._done

    def _extents_of_this_log(self) -> dict[Place, Extent]:
        # Another Kafka than the live tables come from would take from the views what is in them. Positions first: the
        # projector goes on, and may soon be beyond where the log ended a moment ago.
        stored = self._connection.execute(statement("read_positions")).fetchall()
        extents = self._log.extents()
        for topic, partition, topic_id, position in stored:
            if (extent := extents.get((topic, partition))) is not None:
                require_of_this_log(topic, partition, topic_id, position, extent)
        return extents

    def _load(self, fresh: FreshTables, extents: Mapping[Place, Extent]) -> None:
        """Load what is in the log now, by several processes."""
        open_positions(self._connection, extents, fresh.schema)
        self._records_total = sum(extent.end - extent.begin for extent in extents.values())
        each = [
            Share(
                name=f"{NAME}-{number}",
                bootstrap=self._bootstrap,
                postgres=self._postgres,
                schema=fresh.schema,
                extents=share,
            )
            for number, share in enumerate(shares(extents), start=1)
        ]
        with Loaders(each) as loaders:
            for loaded in loaders.loaded(PROGRESS_EVERY_S):
                if loaded is not None:
                    self._count(loaded.records, loaded.transitions)
                self._tell()

    def _follow(self, fresh: FreshTables, extents: Mapping[Place, Extent]) -> None:
        """Go on from where loading ended, with every partition."""
        self._schema = fresh.schema
        self._topic_ids = {topic: extent.topic_id for (topic, _), extent in extents.items()}
        stored = self._connection.execute(statement("read_positions", schema=fresh.schema)).fetchall()
        self._positions = {(topic, partition): position for topic, partition, _, position in stored}
        self._log.start(self._positions, extents)

    def _fill(self, targets: Mapping[Place, int], deadline: float = float("inf")) -> bool:
        """Write batches until all positions are at `targets` or behind; False when that is not so by the deadline."""
        while any(self._positions.get(place, 0) < target for place, target in targets.items()):
            if time.monotonic() > deadline:
                return False
            batch = self._log.read()
            if batch.moves:
                transitions = write(self._writer, batch, self._topic_ids, self._schema)
                self._count(batch.records, transitions)
                self._positions |= {(move.topic, move.partition): move.new for move in batch.moves}
            self._tell()
        return True

    def _catch_up(self) -> None:
        """Follow the log until little is left, or as long as less is left each time."""
        last_s = float("inf")
        while True:
            began = time.monotonic()
            self._fill({place: extent.end for place, extent in self._log.extents().items()})
            took_s = time.monotonic() - began
            if took_s < CLOSE_S or took_s >= last_s:
                return
            last_s = took_s

    def _drain(self, held: Mapping[Place, int]) -> bool:
        return self._fill(held, time.monotonic() + DRAIN_S_MAX)

    def _count(self, records: int, transitions: int) -> None:
        self._done.records += records
        self._done.transitions += transitions

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._said_at >= PROGRESS_EVERY_S:
            self._said_at = now
            self._say(f"{self._done.records:,} of about {self._records_total:,} records, {self._figures()}")

    def _figures(self) -> str:
        took_s = time.monotonic() - self._began
        return f"{self._done.transitions:,} transitions in {took_s:.1f} s ({self._done.transitions / took_s:,.0f}/s)"


def _connect(postgres: str) -> psycopg.Connection:
    return psycopg.connect(postgres, autocommit=True, application_name=NAME, connect_timeout=CONNECT_TIMEOUT_S)


def _act_as_owner(connection: psycopg.Connection) -> None:
    """Make tables that belong to whom the live ones belong to."""
    row = connection.execute(
        "SELECT tableowner FROM pg_tables WHERE schemaname = 'live' AND tablename = 'beside'"
    ).fetchone()
    assert row is not None
    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(row[0])))
