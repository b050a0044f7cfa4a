"""Somebody who reads the views all the while: every read is timed, and compared with what it has to say."""

from __future__ import annotations

import random
import statistics
import threading
import time
from types import TracebackType
from typing import Any, Self

import psycopg

from bench.judge import STEPS
from bench.usage import cpu_s

# A person or a service that asks some dozens of times a second: it is served, and leaves the machine to others.
PAUSE_S = 0.02
# Of payments, the ids of so many are asked for.
ASKED = 1000
READ_S_MAX = 1.0

_SOME = "SELECT payment_id FROM analytics.payments ORDER BY payment_id LIMIT %s"
_PAYMENT = "SELECT count(*) FROM analytics.payments WHERE payment_id = %(payment_id)s AND status = 'completed'"
_HISTORY = "SELECT count(*) FROM analytics.payment_events WHERE payment_id = %(payment_id)s"
_VOLUME = "SELECT sum(count)::bigint FROM analytics.daily_volume"


class ViewReader:
    """Reads within its block. All `payments` are completed before; whatever happens, each read must say so."""

    def __init__(self, uri: str, payments: int) -> None:
        self.took_s: list[float] = []
        self.faults: list[str] = []
        self.postgres_cpu_s = 0.0
        self._uri = uri
        self._reads = ((_PAYMENT, 1), (_HISTORY, STEPS), (_VOLUME, payments))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def figures(self) -> dict[str, Any]:
        """Return how many reads there were, how many were wrong or slow, and how long they took."""
        took_ms = sorted(took_s * 1000 for took_s in self.took_s) or [0.0]
        return {
            "reads": len(self.took_s),
            "faults": len(self.faults),
            "slower_than_1_s": sum(took_s > READ_S_MAX for took_s in self.took_s),
            "ms_median": round(statistics.median(took_ms), 1),
            "ms_p99": round(took_ms[len(took_ms) * 99 // 100], 1),
            "ms_worst": round(took_ms[-1], 1),
        }

    def _run(self) -> None:
        try:
            with psycopg.connect(self._uri, autocommit=True, prepare_threshold=0) as connection:
                ids = [row[0] for row in connection.execute(_SOME, (ASKED,)).fetchall()]
                chosen = random.Random(1)
                while not self._stop.wait(PAUSE_S):
                    self._read(connection, chosen.choice(ids))
                self.postgres_cpu_s = cpu_s(connection.info.backend_pid)
        except psycopg.Error as error:
            self.faults.append(f"{type(error).__name__}: {error}")

    def _read(self, connection: psycopg.Connection, payment_id: str) -> None:
        for query, expected in self._reads:
            began = time.perf_counter()
            row = connection.execute(query, {"payment_id": payment_id}).fetchone()
            self.took_s.append(time.perf_counter() - began)
            if row != (expected,):
                self.faults.append(f"{payment_id}: {row} instead of {expected} from {query}")
