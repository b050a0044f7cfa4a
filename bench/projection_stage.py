"""The projection stage alone: one projector, the log there before the clock starts; beside it the usual sink.

Ours, row at a time, ours again, then a rebuild of what ours projected: one Kafka, one Postgres, the same records. Row
at a time gets a tenth of the records, so that it ends in reasonable time. Afterwards every row that it wrote must be
one of ours.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg

from bench.broker import PARTITIONS, Broker
from bench.judge import STEPS, RunDoesNotCount
from bench.peers.row_at_a_time import RowAtATime
from bench.postgres import Database, postgres
from bench.projected_log import Say, projected, write_steps
from bench.turns import ratio_median, ratio_worst
from kafka_log.reader import LogReader
from kafka_log.topics_admin import apply_topics
from projections.log_source import record_of
from projections.projector import BATCH_RECORDS_MAX
from projections.rebuild import rebuild
from schemas.topics import PAYMENT_EVENTS

ROWS_SHARE = 10
READERS_WAIT_S = 20.0
_ROWS = {
    "payments": "SELECT row(payment_id, sequence, status, amount_minor, updated_at)::text FROM projection.payments",
    "events": "SELECT row(payment_id, sequence, event_type, occurred_at, changes, hash)::text"
    " FROM projection.payment_events",
    "ledger": "SELECT row(payment_id, sequence, line, account, direction, amount_minor, occurred_at)::text"
    " FROM projection.ledger_entries",
}


def projection_stage(broker: Broker, folder: Path, payments: int, say: Say) -> dict[str, Any]:
    """Return transitions/s of our projector, of a row at a time, and of a rebuild."""
    apply_topics(broker.bootstrap, PARTITIONS)
    write_steps(broker.bootstrap, payments)
    records = STEPS * payments
    with postgres(folder) as database:
        first_uri, first = projected(broker, database, records, say)
        rows_uri, rows = _row_at_a_time(broker, database, records // ROWS_SHARE, say)
        _require_same(first_uri, rows_uri)
        _, second = projected(broker, database, records, say)
        rebuilt = rebuild(
            bootstrap=broker.bootstrap, postgres=first_uri, readers_wait_s=READERS_WAIT_S, say=lambda _: None
        )
    if rebuilt.transitions != records:
        raise RunDoesNotCount(f"{rebuilt.transitions} transitions were rebuilt, not {records}")
    rebuild_per_s = round(rebuilt.transitions / rebuilt.took_s)
    say(f"rebuild: {rebuild_per_s} transitions/s")
    return {
        "transitions": records,
        "ours_per_s": [round(first), round(second)],
        "row_at_a_time_per_s": round(rows),
        "ratio_median": ratio_median((first, second), [rows]),
        "ratio_worst": ratio_worst((first, second), [rows]),
        "rebuild_per_s": rebuild_per_s,
    }


def _row_at_a_time(broker: Broker, database: Database, records: int, say: Say) -> tuple[str, float]:
    """Write about the first `records` records of the log; return the database and transitions/s."""
    uri = database.make()
    reader = LogReader(broker.bootstrap, client_id="bench-rows")
    sink = RowAtATime(uri)
    places = [(PAYMENT_EVENTS.name, partition) for partition in range(PARTITIONS)]
    reader.assign(dict.fromkeys(places, 0))
    try:
        sink.write(map(record_of, _first(reader)))
        written = 0
        began = time.monotonic()
        while written < records:
            messages = reader.read(BATCH_RECORDS_MAX, 1.0)
            sink.write(map(record_of, messages))
            written += len(messages)
        per_s = written / (time.monotonic() - began)
    finally:
        sink.close()
        reader.close()
    say(f"row at a time: {per_s:.0f} transitions/s")
    return uri, per_s


def _first(reader: LogReader) -> list[Any]:
    """Return the first records, which take the connection to Kafka with them."""
    while not (messages := reader.read(1, 1.0)):
        pass
    return messages


def _require_same(ours: str, rows: str) -> None:
    """Raise RunDoesNotCount unless every row that was written one at a time is one of ours.

    The payments themselves have moved on in ours, unless all their transitions are there.
    """
    with psycopg.connect(ours) as of_ours, psycopg.connect(rows) as of_rows:
        for name, query in _ROWS.items():
            is_last = f" WHERE sequence = {STEPS}" if name == "payments" else ""
            strange = set(of_rows.execute((query + is_last).encode())) - set(of_ours.execute(query.encode()))
            if strange:
                raise RunDoesNotCount(f"{len(strange)} rows of {name} are none of ours, such as {min(strange)[0]}")
