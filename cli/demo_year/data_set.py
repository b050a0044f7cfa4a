"""Which year is made: its seed, its size, its end; and the ids and keys that follow from them."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from directory.entities import Kind, Role, keyed_id, user_id

TENANT = "demo"
# The last hour has no payments but scheduled ones, so that everything else has settled and come back before the end.
QUIET = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """`payments` payments in the `months` before `until` (a full hour, UTC). Equal values give equal data.

    Ids and keys follow from seed, payments and months only: the same are made whenever it is, at other dates.
    """

    seed: int
    payments: int
    months: int
    until: datetime

    def __post_init__(self) -> None:
        if self.until.tzinfo is not UTC or self.until != full_hour(self.until):
            raise ValueError("until must be a full hour in UTC")

    @property
    def name(self) -> str:
        return f"demo-data-{self.seed}-{self.payments}-{self.months}"

    @property
    def start(self) -> datetime:
        """The beginning of the first day, as many months before the end."""
        months = self.until.year * 12 + self.until.month - 1 - self.months
        year, month = months // 12, months % 12 + 1
        day = min(self.until.day, calendar.monthrange(year, month)[1])
        return datetime(year, month, day, tzinfo=UTC)

    @property
    def last(self) -> datetime:
        """The last moment at which anything is asked for."""
        return self.until - QUIET

    def key(self, what: str) -> str:
        """Return an idempotency key of this data set; no two data sets share one."""
        return f"{self.name}:{what}"

    def email(self, role: Role, number: int, first: str, last: str) -> str:
        return f"{first}.{last}.{number}@{role}.{self.name}.example".lower()

    def user_id(self, email: str) -> str:
        return user_id(TENANT, email)

    def entity_id(self, kind: Kind, what: str) -> str:
        return keyed_id(TENANT, kind, self.key(what))


def full_hour(moment: datetime) -> datetime:
    """Return the beginning of the hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def microseconds(moment: datetime) -> int:
    """Return microseconds since the epoch, exactly."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
