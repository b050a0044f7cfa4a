"""What the views tell of a data set and of everybody else's payments, asked as the analyst."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from cli.demo_year.data_set import TENANT, DataSet
from cli.demo_year.planned import Fate
from payments.payment import Status

# Of other payments: at work now, or asked for so lately that there is traffic.
_OTHERS = """
SELECT count(*) FILTER (WHERE status IN ('pending', 'processing')
                          AND expected_settlement_at BETWEEN now() - interval '1 hour' AND now() + interval '1 hour'),
       count(*) FILTER (WHERE initiated_at > now() - interval '15 seconds')
FROM analytics.payments
WHERE NOT (tenant_id = %(tenant)s AND starts_with(idempotency_key, %(prefix)s))
"""
# From the oldest that was open at the last look: so each look costs what is at work, not what was ever made.
_AT_WORK = """
SELECT count(*) FILTER (WHERE expected_settlement_at <= %(now)s), min(initiated_at)
FROM analytics.payments
WHERE tenant_id = %(tenant)s AND initiated_at >= %(since)s AND status IN ('pending', 'processing')
  AND starts_with(idempotency_key, %(prefix)s)
"""
# What is scheduled for after the year may have gone on by now, unless it was called off before.
_FATES = """
SELECT status, failure_code, count(*)
FROM analytics.payments
WHERE tenant_id = %(tenant)s AND starts_with(idempotency_key, %(prefix)s)
  AND (expected_settlement_at <= %(until)s OR (status = 'cancelled' AND updated_at <= %(until)s))
GROUP BY status, failure_code
"""
_TOTAL = """
SELECT count(*) FROM analytics.payments WHERE tenant_id = %(tenant)s AND starts_with(idempotency_key, %(prefix)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A data set as the views show it: how many payments in all, and of those that had to end, how they ended."""

    total: int
    fates: Counter[Fate]


class Views:
    """One connection; raises psycopg.Error when Postgres does not answer."""

    def __init__(self, analyst_uri: str, data: DataSet) -> None:
        self._connection = psycopg.connect(analyst_uri, autocommit=True)
        self._named = {"tenant": TENANT, "prefix": data.key(""), "until": data.until}
        self._since = data.start

    def others(self) -> tuple[int, int]:
        """Return how many payments that are not of the data set are at work, and how many have just been asked for."""
        at_work, new = self._row(_OTHERS)
        return int(at_work), int(new)

    def at_work(self, now: datetime) -> int:
        """Return how many of the payments that should have ended by `now` have not. It sees what is projected."""
        count, oldest = self._row(_AT_WORK, now=now, since=self._since)
        self._since = oldest or self._since
        return int(count)

    def found(self) -> Found:
        rows = self._connection.execute(_FATES, self._named).fetchall()
        fates = Counter({Fate(status=Status(status), code=code): count for status, code, count in rows})
        (total,) = self._row(_TOTAL)
        return Found(total=int(total), fates=fates)

    def close(self) -> None:
        self._connection.close()

    def _row(self, query: str, **named: object) -> tuple[Any, ...]:
        row = self._connection.execute(query, self._named | named).fetchone()
        assert row is not None
        return tuple(row)
