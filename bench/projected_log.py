"""A log of payments' steps, and one projector that projects it: what the stages about projections begin with.

The three records of a payment stand so far apart that a projector has hardly two of them in one batch: every one is
decoded and written, as when payments come evenly.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

import psycopg

from bench.broker import PARTITIONS, Broker
from bench.inputs import WRITE_S_MAX, producer_of
from bench.judge import STEPS, RunDoesNotCount
from bench.postgres import Database
from bench.snapshots import Snapshots
from cli.local_stack.ports import free_port
from projections.projector import BATCH_RECORDS_MAX, Projector, ProjectorConfig
from schemas.partitioning import partition_of
from schemas.topics import PAYMENT_EVENTS

# More than a batch: the next record of a payment comes in a later one.
IN_FLIGHT = 2 * BATCH_RECORDS_MAX
RUN_S_MAX = 1800.0
LOOK_S = 0.05
_POSITIONS = "SELECT coalesce(sum(next), 0)::bigint FROM projection.offsets WHERE topic = 'payment-events'"

Say = Callable[[str], None]


def write_steps(bootstrap: str, payments: int, *, leases: int = 1) -> None:
    """Write every payment's records, in rounds over those that are in flight at a time."""
    producer = producer_of(bootstrap)
    snapshots = [Snapshots(steps=steps, leases=leases) for steps in range(1, STEPS + 1)]
    for begin in range(0, payments, IN_FLIGHT):
        for sequence, each in enumerate(snapshots, start=1):
            for number in range(begin, min(begin + IN_FLIGHT, payments)):
                key, payment_id, value = each.record(number)
                partition = partition_of(f"{each.tenant_id}:{key}", PARTITIONS)
                headers: list[tuple[str, str | bytes | None]] = [("ce_id", f"{payment_id}:{sequence}".encode())]
                while True:
                    try:
                        producer.produce(
                            PAYMENT_EVENTS.name, key=payment_id, value=value, partition=partition, headers=headers
                        )
                        break
                    except BufferError:
                        producer.poll(0.1)
    if producer.flush(WRITE_S_MAX):
        raise TimeoutError("the records could not be written")


def projected(broker: Broker, database: Database, records: int, say: Say) -> tuple[str, float]:
    """Let one projector project everything; return its database and transitions/s from its first batch on."""
    uri = database.make()
    stop = threading.Event()
    config = ProjectorConfig(
        bootstrap=broker.bootstrap,
        postgres=uri,
        partitions=PARTITIONS,
        instance="bench-projector",
        health_port=free_port(),
        group_id=f"bench-{uuid.uuid4()}",
    )
    projector = threading.Thread(target=Projector(config, stop).run)
    projector.start()
    try:
        # Joining the group takes seconds and is not what is measured.
        _, before, began = _wait(uri, 1, projector)
        _, _, ended = _wait(uri, records, projector)
    finally:
        stop.set()
        projector.join()
    per_s = (records - before) / (ended - began)
    say(f"projector: {per_s:.0f} transitions/s")
    return uri, per_s


def _wait(uri: str, records: int, projector: threading.Thread) -> tuple[str, int, float]:
    """Return once so many records are projected: how many are, and when that was seen."""
    deadline = time.monotonic() + RUN_S_MAX
    with psycopg.connect(uri, autocommit=True) as connection:
        while True:
            row = connection.execute(_POSITIONS).fetchone()
            assert row is not None
            if row[0] >= records:
                return uri, row[0], time.monotonic()
            if not projector.is_alive() or time.monotonic() > deadline:
                raise RunDoesNotCount(f"{row[0]} of {records} records were projected")
            time.sleep(LOOK_S)
