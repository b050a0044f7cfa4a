"""The usual sink, for comparison: each record a transaction, each row a statement; same tables, same rows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from payments.payment import Payment
from projections.batch import LogRecord
from projections.transaction import session_uri
from projections.views import ledger_entries, payment_events, payments
from projections.views.payments import Snapshot
from schemas.codec import decode

_SQL = Path(__file__).parent / "sql"


class RowAtATime:
    """Writes one record after the other, with the session settings of our projector."""

    def __init__(self, uri: str) -> None:
        self._connection = psycopg.connect(session_uri(uri, "row-at-a-time"), autocommit=True, prepare_threshold=0)

    def write(self, records: Iterable[LogRecord]) -> None:
        """Write each record's snapshot and its newest transition."""
        for record in records:
            payment = decode(record.value)
            assert isinstance(payment, Payment)
            snapshot = Snapshot(payment_id=payment.payment_id, partition=record.partition, payment=payment)
            with self._connection.transaction():
                self._write(snapshot)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _write(self, snapshot: Snapshot) -> None:
        self._execute("upsert_payment", payments.row(snapshot))
        before = snapshot.sequence - 1
        for event in payment_events.rows(snapshot, after_sequence=before):
            self._execute("insert_event", event)
        for line in ledger_entries.rows(snapshot, after_sequence=before):
            self._execute("insert_line", line)
            _, _, _, partition, tenant_id, account, direction, amount_minor, currency, _ = line
            debit, credit = (amount_minor, 0) if direction == "debit" else (0, amount_minor)
            self._execute("move_balance", (partition, tenant_id, account, currency, debit, credit))

    def _execute(self, name: str, row: tuple[Any, ...]) -> None:
        self._connection.execute(_statement(name), row)


@cache
def _statement(name: str) -> LiteralString:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")
