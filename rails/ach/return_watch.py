"""The alarm for debits that come back too often: Nacha asks the bank why, and the bank asks whoever sends them."""

from __future__ import annotations

from datetime import date

import structlog

from business_clock import Clock
from payments.windows import eastern
from rails.ach import metrics
from rails.ach.book_reading import BookReading
from rails.nacha.return_rates import Kind, ReturnRate, first_day, return_rates

log = structlog.get_logger(__name__)


def rates_on(reading: BookReading, on: date) -> tuple[ReturnRate, ...]:
    """Return how many debits came back, by the book, in the days that count on a date."""
    first = first_day(on)
    return return_rates(reading.debits_originated(first, on), reading.debits_returned(first, on), on)


class ReturnWatch:
    """Shows return rates in metrics, and tells in the log when one crosses its level, once a crossing."""

    def __init__(self, reading: BookReading, clock: Clock) -> None:
        self._reading = reading
        self._clock = clock
        self._exceeded: set[Kind] = set()

    def look(self) -> None:
        """Look at the rates of today."""
        for rate in rates_on(self._reading, eastern(self._clock.now_us()).date()):
            kind = rate.level.kind
            metrics.RETURN_RATE.labels(kind.value).set(rate.share)
            metrics.RETURN_RATE_EXCEEDED.labels(kind.value).set(rate.is_exceeded)
            if rate.is_exceeded is (kind in self._exceeded):
                continue
            counts = {"kind": kind.value, "returned": rate.returned, "originated": rate.originated}
            if rate.is_exceeded:
                self._exceeded.add(kind)
                log.error("ach_return_rate_exceeded", **counts, basis_points=rate.level.basis_points)
            else:
                self._exceeded.remove(kind)
                log.info("ach_return_rate_within_again", **counts, basis_points=rate.level.basis_points)
