"""When a file is due, for which window, and how many entries it may carry: pure, in microseconds UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from payments.rails import Rail
from payments.windows import BankHours, Leg, Window

# Nacha's total amounts have 12 digits; debits and credits are counted together, which keeps each below.
FILE_MINOR_MAX = 10**12 - 1
# One transaction of the book applies a file: a second or two. Far below Nacha's own bounds (499,999 entries a batch).
FILE_ENTRIES_MAX = 100_000
FILE_ID_MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A file is due at `due_at_us`, and is to be handed in for `window`, which closes a little later."""

    due_at_us: int
    window: Window


def file_window(hours: BankHours, rail: Rail, at_us: int) -> Window:
    """Return the window of a file of `rail` that is handed in at `at_us`; it settles when both kinds of entry have."""
    debits = hours.window_at(rail, at_us, Leg.DEBIT)
    credits_ = hours.window_at(rail, at_us, Leg.CREDIT)
    return max(debits, credits_, key=lambda window: window.settles_at_us)


def first_due(hours: BankHours, rail: Rail, waits_since_us: int, *, lead_us: int) -> Due:
    """Return when the file is due that takes an entry which waits since then: `lead_us` before a window closes."""
    window = file_window(hours, rail, waits_since_us + lead_us)
    return Due(due_at_us=window.closes_at_us - lead_us, window=window)


def still_due(hours: BankHours, rail: Rail, due: Due, at_us: int, *, lead_us: int) -> Due:
    """Return the file that is due in place of `due` at `at_us`, not before it was due.

    The same while its window is open. Once that has closed, the next that can be reached: no file is handed in for a
    deadline that has passed.
    """
    if at_us <= due.window.closes_at_us:
        return due
    window = file_window(hours, rail, at_us)
    return Due(due_at_us=window.closes_at_us - lead_us, window=window)


def divide(amounts_minor: Iterable[int]) -> Iterator[int]:
    """Yield how many entries each file takes, in their order: as many as fit."""
    entries = total_minor = 0
    for amount_minor in amounts_minor:
        if entries == FILE_ENTRIES_MAX or total_minor + amount_minor > FILE_MINOR_MAX:
            yield entries
            entries = total_minor = 0
        entries += 1
        total_minor += amount_minor
    if entries:
        yield entries
