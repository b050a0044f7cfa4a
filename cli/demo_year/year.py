"""The whole year in the order of its time: exactly as many payments as were asked for, a month or two in memory."""

from __future__ import annotations

import calendar
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise

from cli.demo_year.data_set import DataSet
from cli.demo_year.extras import extra
from cli.demo_year.planned import Planned
from cli.demo_year.rent import EARLIEST_DAYS, rents
from cli.demo_year.tenancies import Tenancy, tenancies

RENT_SHARE = 0.88  # Of all payments, at most; the rest is one-off.


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Step:
    """One thing to ask for: a payment, or its cancellation. In the order of their times."""

    at: datetime
    key: str
    is_cancel: bool


class Year:
    """The plan of a data set. Memory goes with its leases, and with the payments of two months."""

    def __init__(self, data: DataSet) -> None:
        self.data = data

    @property
    def tenancies(self) -> Sequence[Tenancy]:
        """The leases: as many as pay RENT_SHARE of the payments as rent; at least one."""
        return self._leases[0]

    @property
    def rent_count(self) -> int:
        """How many of the payments are rents."""
        return self._leases[1]

    @cached_property
    def _leases(self) -> tuple[Sequence[Tenancy], int]:
        found: list[Tenancy] = []
        total = 0
        for tenancy in tenancies(self.data):
            count = sum(1 for _ in rents(self.data, tenancy, self._first_day, self._last_day))
            if found and total + count > self.data.payments * RENT_SHARE:
                break
            found.append(tenancy)
            total += count
        return found, total

    def steps(self) -> Iterator[tuple[Step, Planned]]:
        """Yield what is asked for, oldest first: as many payments as the data set has, and the cancels of some."""
        heap: list[tuple[Step, Planned]] = []
        extras = max(0, self.data.payments - self.rent_count)
        number, left = 0, self.data.payments
        spans = self._months()
        for place, (first, last) in enumerate(spans):
            upto = extras * (place + 1) // len(spans)
            let = [each for each in self.tenancies if each.is_let(first) or first <= each.start <= last]
            for planned in self._month(first, last, let, range(number, upto)):
                left -= 1
                if left >= 0:
                    _push(heap, planned)
            number = upto
            # The next month's first rents may be paid some days before it begins.
            sure = _midnight(last) - timedelta(days=EARLIEST_DAYS)
            while heap and heap[0][0].at < sure:
                yield heapq.heappop(heap)
        while heap:
            yield heapq.heappop(heap)

    def _month(self, first: date, last: date, let: Sequence[Tenancy], extras: range) -> Iterator[Planned]:
        for tenancy in let:
            yield from rents(self.data, tenancy, first, last)
        for number in extras:
            yield extra(self.data, number, first, min(last, self.data.last.date()), let)

    @property
    def _first_day(self) -> date:
        return self.data.start.date()

    @property
    def _last_day(self) -> date:
        """The last due date whose rent may be scheduled before the year ends."""
        return self.data.until.date() + timedelta(days=EARLIEST_DAYS)

    def _months(self) -> list[tuple[date, date]]:
        """Return the first and last day of every month of the year; the last one reaches to what is scheduled."""
        begins = [self._first_day]
        while (following := _month_after(begins[-1])) <= self.data.last.date():
            begins.append(following)
        ends = [after - timedelta(days=1) for _, after in pairwise(begins)]
        return list(zip(begins, [*ends, self._last_day], strict=True))


def _push(heap: list[tuple[Step, Planned]], planned: Planned) -> None:
    heapq.heappush(heap, (Step(at=planned.at, key=planned.word, is_cancel=False), planned))
    if planned.cancel_at is not None:
        heapq.heappush(heap, (Step(at=planned.cancel_at, key=planned.word, is_cancel=True), planned))


def _month_after(day: date) -> date:
    return day.replace(day=1) + timedelta(days=calendar.monthrange(day.year, day.month)[1])


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
