"""Reading what the oracle compares: the topics, the views, the ledger, the bank's books, to their ends as of now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import httpx
import psycopg
from confluent_kafka import KafkaException, Message
from psycopg import sql
from psycopg.rows import class_row

from chaos.oracle.bank import Transfer
from chaos.oracle.books import Account, Entry
from chaos.oracle.history import Event
from chaos.oracle.views import EventSeen, PaymentSeen
from kafka_log.reader import LogGap, LogReader, place_of
from kafka_log.span import read_span
from payments.payment import Payment
from payments.rejection import Rejection
from schemas import codec
from schemas.topics import PAYMENT_EVENTS, PAYMENT_REJECTIONS

ROWS_AT_ONCE = 5000
BOOKS_PAGE = 1000
BEHIND_EVERY_ACCOUNT = 2**62  # The bank's largest.
BOOKS_S_MAX = 60.0

# Amounts in cents and times in microseconds, exactly: numeric and bigint, never a float.
_PAYMENTS = """
SELECT payment_id::text, tenant_id, idempotency_key, payer_account_id::text, payee_account_id::text,
       (amount * 100)::bigint AS amount_minor, currency, payment_rail_type, status, failure_code,
       (extract(epoch FROM initiated_at) * 1000000)::bigint AS initiated_at_us,
       (extract(epoch FROM updated_at) * 1000000)::bigint AS updated_at_us,
       (extract(epoch FROM completed_at) * 1000000)::bigint AS completed_at_us,
       (refunded_amount * 100)::bigint AS refunded_minor
FROM analytics.payments
"""
_EVENTS = """
SELECT payment_id::text, sequence, event_type, previous_status, new_status,
       (extract(epoch FROM occurred_at) * 1000000)::bigint AS occurred_at_us, hash
FROM analytics.payment_events ORDER BY payment_events.payment_id, sequence
"""
_ENTRIES = """
SELECT payment_id::text, tenant_id, sequence, line, account, direction, (amount * 100)::bigint AS amount_minor
FROM analytics.ledger_entries ORDER BY ledger_entries.payment_id, sequence, line
"""
_BALANCES = "SELECT tenant_id, account, (balance * 100)::bigint FROM analytics.account_balances"
_OPEN = """
SELECT count(*), count(*) FILTER (WHERE status IN ('pending', 'processing') AND payer_account_id <> ALL (%s::uuid[]))
FROM analytics.payments
"""
_UNTOLD = """
SELECT count(*) FROM analytics.payments AS refund
WHERE refund_of IS NOT NULL AND status IN ('completed', 'failed', 'cancelled', 'returned') AND NOT EXISTS (
    SELECT FROM analytics.payment_events AS event
    WHERE event.payment_id = refund.refund_of AND event.metadata ->> 'refund_id' = refund.payment_id::text
        AND event.metadata ->> 'refund_status' = refund.status
)
"""
_RETURNED = "SELECT count(*) FROM analytics.payments WHERE status = 'returned'"

Row = TypeVar("Row")


class EvidenceMissing(Exception):
    """A store could not be read to its end: nothing can be said about the promises."""


def read_events(bootstrap: str) -> Iterator[Event]:
    """Yield every record of payment-events as a read_committed subscriber finds it, each partition in order."""
    for message in _read(bootstrap, PAYMENT_EVENTS.name):
        value = message.value() or b""
        payment = codec.decode(value)
        assert isinstance(payment, Payment), "payment-events carries nothing else"
        _, partition = place_of(message)
        key = (message.key() or b"").decode()
        yield Event(partition=partition, offset=message.offset() or 0, key=key, value=value, payment=payment)


def read_rejections(bootstrap: str) -> Iterator[Rejection]:
    """Yield every record of payment-rejections."""
    for message in _read(bootstrap, PAYMENT_REJECTIONS.name):
        rejection = codec.decode(message.value())
        assert isinstance(rejection, Rejection), "payment-rejections carries nothing else"
        yield rejection


class Views:
    """The views as the analyst's role reads them."""

    def __init__(self, analyst_uri: str) -> None:
        self._uri = analyst_uri

    def open_payments(self, silent_payers: frozenset[str]) -> tuple[int, int]:
        """Return how many payments there are, and how many of them are still to reach their end."""
        with psycopg.connect(self._uri) as connection:
            total, still_open = connection.execute(_OPEN, (list(silent_payers),)).fetchone() or (0, 0)
            return total, still_open

    def returned_payments(self) -> int:
        """Return how many payments came back after they were completed."""
        with psycopg.connect(self._uri) as connection:
            (returned,) = connection.execute(_RETURNED).fetchone() or (0,)
            return int(returned)

    def untold_refunds(self) -> int:
        """Return how many refunds have ended of which the payment that they give back does not tell yet."""
        with psycopg.connect(self._uri) as connection:
            (untold,) = connection.execute(_UNTOLD).fetchone() or (0,)
            return int(untold)

    def payments(self) -> Iterator[PaymentSeen]:
        return self._rows(_PAYMENTS, PaymentSeen)

    def events(self) -> Iterator[EventSeen]:
        return self._rows(_EVENTS, EventSeen)

    def entries(self) -> Iterator[Entry]:
        return self._rows(_ENTRIES, Entry)

    def balances(self) -> dict[Account, int]:
        """Return each account's balance in cents, credits positive."""
        with psycopg.connect(self._uri) as connection:
            return {(tenant, account): int(minor) for tenant, account, minor in connection.execute(_BALANCES)}

    def _rows(self, query: str, kind: type[Row]) -> Iterator[Row]:
        with (
            psycopg.connect(self._uri) as connection,
            connection.cursor("evidence", row_factory=class_row(kind)) as cursor,
        ):
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(sql.SQL(query))
            yield from cursor


def read_transfers(bank: str) -> Iterator[Transfer]:
    """Yield every transfer in the bank's books."""
    # Each sum over a million transfers takes seconds, and there are a thousand pages of them. So no totals, and no
    # accounts, which come with the sums of their entries.
    for page in _books(bank, totals="no", accounts_after=str(BEHIND_EVERY_ACCOUNT)):
        for row in page["transfers"]:
            yield Transfer(
                reference=row["reference"],
                amount_minor=row["amount_minor"],
                state=row["state"],
                entries=row["entries"],
                entries_minor=row["entries_minor"],
            )


def read_totals(bank: str) -> dict[str, int]:
    """Return the sums over the bank's books."""
    return dict(next(_books(bank))["totals"])


def _books(bank: str, **wanted: str) -> Iterator[dict[str, Any]]:
    after: int | None = 0
    with httpx.Client(base_url=bank, timeout=BOOKS_S_MAX, trust_env=False) as client:
        while after is not None:
            answer = client.get("/books", params={"after": after, "limit": BOOKS_PAGE, **wanted}).raise_for_status()
            page: dict[str, Any] = answer.json()
            yield page
            after = page["next"]


def _read(bootstrap: str, topic: str) -> Iterator[Message]:
    reader = LogReader(bootstrap, client_id="chaos-oracle")
    try:
        ends = {(topic, partition): end for partition, end in reader.end_offsets(topic).items()}
        yield from read_span(reader, dict.fromkeys(ends, 0), ends)
    except (KafkaException, LogGap) as error:
        raise EvidenceMissing(f"{topic} could not be read: {error}") from error
    finally:
        reader.close()
