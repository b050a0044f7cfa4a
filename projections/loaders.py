"""Processes that load what was in the log when a rebuild began: each some partitions, one after the other.

One process would leave the second core to Postgres, which has half as much to do. A partition by itself brings the
records of a payment together, and of those only the newest is decoded and written.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Self

import psycopg
from confluent_kafka import KafkaException

from kafka_log.reader import LogGap
from observability.collector import let_collector_rest
from observability.logs import configure_logging
from projections.batch import Batch, Place, UnprojectableRecord
from projections.log_source import Extent
from projections.transaction import Overtaken, Paid, pay_leases, session_uri, write
from projections.whole_log import TopicsMissing, WholeLog
from schemas.topics import PAYMENT_EVENTS, WEBHOOK_DELIVERIES

# Each takes a core here and one of Postgres, and some hundred megabytes: the live tables have to be served as well.
LOADERS_MAX = 4
PAID_MAX = 20_000  # Leases in one transaction: under a second.
STOP_S_MAX = 10.0
# On a machine that runs everything, what serves comes first.
NICENESS = 5
# These may be loaded by several. Refusals of one command may stand on two partitions, and two sessions that wrote them
# in different orders would be a deadlock.
_BY_PARTITION = frozenset({PAYMENT_EVENTS.name, WEBHOOK_DELIVERIES.name})


class LoadFailed(Exception):
    """A process could not load its share; the message says what stopped it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one process loads, and where to: the tables of `schema`."""

    name: str
    bootstrap: str
    postgres: str = field(repr=False)
    schema: str
    extents: Mapping[Place, Extent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one batch was."""

    records: int
    transitions: int


def shares(extents: Mapping[Place, Extent], processes: int | None = None) -> list[dict[Place, Extent]]:
    """Share out what the partitions hold, to no more processes than there are cores."""
    sized = {place: extent for place, extent in extents.items() if extent.begin < extent.end}
    single = [[place] for place in sized if place[0] in _BY_PARTITION]
    rest = [place for place in sorted(sized) if place[0] not in _BY_PARTITION]

    def size(places: list[Place]) -> int:
        return sum(sized[place].end - sized[place].begin for place in places)

    count = min(processes or os.cpu_count() or 1, LOADERS_MAX)
    shared: list[list[Place]] = [[] for _ in range(count)]
    for places in sorted([rest, *single], key=size, reverse=True):
        min(shared, key=size).extend(places)
    return [{place: sized[place] for place in places} for places in shared if places]


class Loaders:
    """The processes at work. They end with this block, and with this process, however that ends."""

    def __init__(self, each: list[Share]) -> None:
        # Not forked: Kafka's client does not survive that.
        context = multiprocessing.get_context("spawn")
        self._processes = []
        self._hearing: list[Connection] = []
        for share in each:
            hearing, telling = context.Pipe(duplex=False)
            self._processes.append((context.Process(target=_run, args=(share, telling), daemon=True), telling))
            self._hearing.append(hearing)

    def __enter__(self) -> Self:
        for process, telling in self._processes:
            process.start()
            # It has its own now; while we held this one, its end would not be heard.
            telling.close()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None) -> None:
        for process, _ in self._processes:
            # Nothing of it is needed: a batch that it was writing is undone.
            process.kill()
            process.join(STOP_S_MAX)
        for hearing in self._hearing:
            hearing.close()

    def loaded(self, wait_s: float) -> Iterator[Loaded | None]:
        """Yield each batch that was loaded, None when there was none for `wait_s`; raises LoadFailed."""
        at_work = list(self._hearing)
        while at_work:
            heard = wait(at_work, wait_s)
            if not heard:
                yield None
            for hearing in heard:
                assert isinstance(hearing, Connection)
                try:
                    told = hearing.recv()
                except EOFError:
                    raise LoadFailed("a loading process ended without a word") from None
                match told:
                    case Loaded():
                        yield told
                    case None:
                        at_work.remove(hearing)
                    case _:
                        raise LoadFailed(str(told))


def _run(share: Share, telling: Connection) -> None:
    """Load the share, in a process of its own. It tells Loaded after each batch, and at last None, or why it failed."""
    # Ctrl-C is told to this process too; the one that started it decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    configure_logging(share.name, "WARNING")
    let_collector_rest()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        for loaded in load(share):
            telling.send(loaded)
    except (KafkaException, LogGap, Overtaken, TopicsMissing, UnprojectableRecord, psycopg.Error) as error:
        telling.send(str(error).strip() or type(error).__name__)
    else:
        telling.send(None)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    # Whoever killed it need not wait for our batch: nobody will read it.
    os._exit(1)


def load(share: Share) -> Iterator[Loaded]:
    """Load every partition of the share to where it ended, batch by batch; raises what reading and writing raise."""
    topic_ids = {topic: extent.topic_id for (topic, _), extent in share.extents.items()}
    paid_minor: Paid = {}
    with psycopg.connect(session_uri(share.postgres, share.name), autocommit=True, prepare_threshold=0) as connection:
        for extents in _read_together(share.extents):
            for batch in _past(share, extents):
                transitions = write(connection, batch, topic_ids, share.schema, paid_minor)
                yield Loaded(records=batch.records, transitions=transitions)
        _pay(connection, paid_minor, share.schema)


def _read_together(extents: Mapping[Place, Extent]) -> list[dict[Place, Extent]]:
    """Return payments partition by partition, and the rest as one: only a payment has records to bring together."""
    of_payments = [{place: extent} for place, extent in extents.items() if place[0] == PAYMENT_EVENTS.name]
    rest = {place: extent for place, extent in extents.items() if place[0] != PAYMENT_EVENTS.name}
    return [*of_payments, rest] if rest else of_payments


def _past(share: Share, extents: Mapping[Place, Extent]) -> Iterator[Batch]:
    """Yield what these partitions held, read by a consumer of its own: one that was assigned anew for each partition
    never began with the next one, once in some hundred times (as in issue 871 of librdkafka).
    """
    log = WholeLog(share.bootstrap, client_id=share.name)
    try:
        log.start({place: extent.begin for place, extent in extents.items()}, extents)
        while any(log.positions[place] < extent.end for place, extent in extents.items()):
            batch = log.read()
            if batch.moves:
                yield batch
    finally:
        log.close()


def _pay(connection: psycopg.Connection, paid_minor: Paid, schema: str) -> None:
    """Write what leases were paid, in the end: a lease has a dozen payments a year, and an update of its row costs more
    than the row of a payment.
    """
    leases = sorted(paid_minor)
    for begin in range(0, len(leases), PAID_MAX):
        pay_leases(connection, {lease: paid_minor[lease] for lease in leases[begin : begin + PAID_MAX]}, schema)
