"""What Postgres holds, read as one snapshot: rows in the order of their keys, and the positions that they belong to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Format

from payments.idempotency import canonical_json
from projections.batch import Place
from projections.migrate import check_migrated
from projections.named_sql import statement
from projections.rollup_checks import CHECKS
from projections.verification.checks import Balance, Position, Sums
from projections.verification.expected import DELIVERIES, ENTITIES, ENTRIES, EVENTS, OUTCOMES, PAYMENTS
from projections.verification.faults import Kind
from projections.verification.rows import Row, Table

CONNECT_TIMEOUT_S = 5
ROWS_A_FETCH = 5000
# 2000-01-01, from which Postgres counts, in microseconds since the epoch.
_POSTGRES_EPOCH_US = 946_684_800_000_000
_STATEMENTS = {
    Kind.PAYMENTS: statement("every_payment"),
    Kind.EVENTS: statement("every_event"),
    Kind.ENTRIES: statement("every_entry"),
    Kind.ENTITIES: statement("every_entity"),
    Kind.OUTCOMES: statement("every_outcome"),
    Kind.DELIVERIES: statement("every_delivery"),
}
# Columns of jsonb, which spells what it holds in its own way.
_JSON = {EVENTS.kind: "changes", ENTITIES.kind: "entity", OUTCOMES.kind: "errors"}
TABLES = (PAYMENTS, EVENTS, ENTRIES, ENTITIES, OUTCOMES, DELIVERIES)


class Stored:
    """One connection to the database; `snapshot` is what makes its answers belong together."""

    def __init__(self, uri: str) -> None:
        self._connection = psycopg.connect(
            _with_settings(uri), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, prepare_threshold=None
        )
        try:
            check_migrated(self._connection)
        except BaseException:
            self.close()
            raise
        self._connection.adapters.register_loader("timestamptz", _Microseconds)
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let everything that is asked within see the database as it is at the first question."""
        with self._connection.transaction():
            yield

    def now_us(self) -> int:
        """Return the database's time."""
        row = self._connection.execute("SELECT clock_timestamp()", binary=True).fetchone()
        assert row is not None
        return int(row[0])

    def positions(self) -> dict[Place, Position]:
        """Return how far each partition is projected."""
        rows = self._connection.execute(statement("every_position"), binary=True).fetchall()
        found = [Position(**dict(zip(Position.__slots__, row, strict=True))) for row in rows]
        return {(each.topic, each.partition): each for each in found}

    def rows(self, table: Table) -> Iterator[tuple[str, Row]]:
        """Yield the table's rows by their subjects, as `expected` has them: times in microseconds, JSON canonical."""
        json_column = _JSON.get(table.kind)
        index = None if json_column is None else table.columns.index(json_column)
        for row in self._each(table.kind.value, _STATEMENTS[table.kind]):
            if index is not None and row[index] != "{}":
                yield row[0], (*row[:index], _canonical(row[index]), *row[index + 1 :])
            else:
                yield row[0], row

    def unequal_balances(self) -> Iterator[Balance]:
        """Yield each balance that is not the sum of its ledger lines."""
        for row in self._each("balances", statement("unequal_balances")):
            tenant_id, account, currency, partition, debits, credits_, line_debits, line_credits, rows, payment_id = row
            yield Balance(
                tenant_id=tenant_id,
                account=account,
                currency=currency,
                partition=partition,
                stored=_sums(debits, credits_),
                lines=_sums(line_debits, line_credits),
                rows=rows,
                payment_id=payment_id,
            )

    def wrong_sums(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield each row of `rollup_checks`, with its table; balances, which have lines to compare with, are apart."""
        for name in CHECKS:
            table = name.removeprefix("check_")
            if table != Kind.BALANCES:
                for row in self._each(name, statement(name)):
                    yield table, row

    def _each(self, name: str, query: Any) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor(name) as cursor:
            cursor.itersize = ROWS_A_FETCH
            cursor.execute(query, binary=True)
            yield from cursor


class _Microseconds(Loader):
    """Reads a time as microseconds since the epoch: exact, and also of years that Python does not know."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        return int.from_bytes(data, "big", signed=True) + _POSTGRES_EPOCH_US


def _sums(debits_minor: Decimal | None, credits_minor: Decimal | None) -> Sums | None:
    if debits_minor is None or credits_minor is None:
        return None
    return Sums(debits_minor=int(debits_minor), credits_minor=int(credits_minor))


def _canonical(text: str | None) -> str | None:
    try:
        return None if text is None else canonical_json(json.loads(text))
    except (ValueError, RecursionError):
        return text  # Nothing that we write: numbers or depths that only Postgres reads.


def _with_settings(uri: str) -> str:
    given = conninfo_to_dict(uri).get("options") or ""
    # Whole tables are read, so sorting them is cheaper than following an index; the first row is in no hurry.
    ours = "-c cursor_tuple_fraction=1 -c work_mem=64MB -c jit=off -c timezone=UTC"
    # The log is read between two statements, and a large table takes its time.
    ours += " -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
    return make_conninfo(
        uri,
        options=f"{given} {ours}".strip(),
        application_name="directpay-verify",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=4,
    )
