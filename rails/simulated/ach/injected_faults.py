"""What the simulated bank does wrong because somebody asked for it: to the next entries, or to one that is named.

What an account number asks for (rails/simulated/scenarios.py) is what banks do; these are what they should not do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong."""

    LOST_ANSWER = "lost_answer"  # The money comes back, or a change is needed, and no file ever says so.
    DUPLICATE_ANSWER = "duplicate_answer"  # The answer stands in two files.
    LATE_RETURN = "late_return"  # An entry that would have settled comes back after the rules' last day.
    WRONG_AMOUNT = "wrong_amount"  # A return names another amount than came back: a cent more, or less.
    OUTAGE = "outage"  # For a while the bank answers nobody, fetches no files, and hands none over.


LATE_CODE = "R01"  # Of a late return, unless another is asked for.
AMOUNT_MINOR_MAX = 9_999_999_999  # The ten digits of an entry.


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFault:
    """A fault that waits for entries: for any, or for one whose trace number or identification is `reference`."""

    fault_id: int
    kind: FaultKind
    reference: str | None
    entries_left: int
    code: str | None


class OpenFaults:
    """Faults in the order in which they were asked for; `used` counts to how many entries each has happened."""

    def __init__(self, faults: Iterable[OpenFault] = ()) -> None:
        self._faults = tuple(faults)
        self.used: Counter[int] = Counter()

    def take(self, kind: FaultKind, names: Collection[str]) -> OpenFault | None:
        """Return the fault of this kind that happens now to an entry with these names, or None."""
        for fault in self._faults:
            is_left = self.used[fault.fault_id] < fault.entries_left
            if fault.kind is kind and is_left and (fault.reference is None or fault.reference in names):
                self.used[fault.fault_id] += 1
                return fault
        return None


def wrong_amount(amount_minor: int) -> int:
    """Return another amount that an entry can have."""
    return amount_minor + 1 if amount_minor < AMOUNT_MINOR_MAX else amount_minor - 1


class Outages:
    """When the bank is not to be reached, in microseconds UTC: each from its first instant until before its last."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._spans = sorted(spans)

    def end_us(self, at_us: int) -> int | None:
        """Return when the outage ends in which this instant lies, or None."""
        ends = [until_us for from_us, until_us in self._spans if from_us <= at_us < until_us]
        return max(ends, default=None)

    def reached_us(self, at_us: int) -> int:
        """Return when somebody reaches the bank who tries from this instant on."""
        while (end_us := self.end_us(at_us)) is not None:
            at_us = end_us
        return at_us
