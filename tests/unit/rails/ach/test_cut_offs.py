"""When files are due: windows, holidays, the lead before a deadline, and what an outage makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.rails import Rail
from payments.windows import BankHours, Leg, eastern
from rails.ach.cut_offs import FILE_ENTRIES_MAX, FILE_MINOR_MAX, divide, file_window, first_due, still_due
from tests.unit.rails.ach.written_log import at_us

HOURS = BankHours()
LEAD_US = 300_000_000
SAME_DAY, STANDARD = Rail.SAME_DAY_ACH, Rail.STANDARD_ACH


def shown(us: int) -> str:
    return eastern(us).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("rail", "waits_since", "due", "settles"),
    [
        (SAME_DAY, "2026-12-01 09:00", "2026-12-01 10:25", "2026-12-01 13:00"),
        (SAME_DAY, "2026-12-01 10:25", "2026-12-01 10:25", "2026-12-01 13:00"),
        (SAME_DAY, "2026-12-01 10:26", "2026-12-01 14:40", "2026-12-01 17:00"),  # Not the file that is on its way.
        (SAME_DAY, "2026-12-01 16:41", "2026-12-02 10:25", "2026-12-02 13:00"),
        (SAME_DAY, "2026-11-25 17:00", "2026-11-27 10:25", "2026-11-27 13:00"),  # Thanksgiving between.
        (SAME_DAY, "2026-11-28 12:00", "2026-11-30 10:25", "2026-11-30 13:00"),  # A Saturday.
        (SAME_DAY, "2026-03-06 17:00", "2026-03-09 10:25", "2026-03-09 13:00"),  # Clocks change between.
        (STANDARD, "2026-12-01 09:00", "2026-12-01 23:54", "2026-12-02 08:30"),
        (STANDARD, "2026-12-24 23:58", "2026-12-28 23:54", "2026-12-29 08:30"),  # Christmas, and a weekend.
    ],
)
def test_a_file_is_cut_off_a_lead_before_its_window_closes(
    rail: Rail, waits_since: str, due: str, settles: str
) -> None:
    found = first_due(HOURS, rail, at_us(waits_since), lead_us=LEAD_US)
    assert (shown(found.due_at_us), shown(found.window.settles_at_us)) == (due, settles)


@pytest.mark.parametrize(
    ("at", "due", "settles"),
    [
        ("2026-12-01 10:25", "2026-12-01 10:25", "2026-12-01 13:00"),
        ("2026-12-01 10:30", "2026-12-01 10:25", "2026-12-01 13:00"),  # The last moment.
        ("2026-12-01 10:31", "2026-12-01 14:40", "2026-12-01 17:00"),  # Too late: it waits with the next.
        ("2026-12-01 14:42", "2026-12-01 14:40", "2026-12-01 17:00"),  # Due at once, and in time.
        ("2026-12-05 12:00", "2026-12-07 10:25", "2026-12-07 13:00"),  # After an outage to the weekend.
    ],
)
def test_after_an_outage_a_file_is_due_for_the_next_window_that_can_be_reached(at: str, due: str, settles: str) -> None:
    first = first_due(HOURS, SAME_DAY, at_us("2026-12-01 09:00"), lead_us=LEAD_US)
    found = still_due(HOURS, SAME_DAY, first, at_us(at), lead_us=LEAD_US)
    assert (shown(found.due_at_us), shown(found.window.settles_at_us)) == (due, settles)


@given(
    st.sampled_from([SAME_DAY, STANDARD]),
    st.integers(at_us("2026-01-01 00:00"), at_us("2028-01-01 00:00")),
    st.integers(0, 10 * 86_400_000_000),
    st.integers(0, 3_600_000_000),
)
def test_no_file_is_cut_off_for_a_deadline_in_the_past(rail: Rail, since_us: int, out_us: int, lead_us: int) -> None:
    first = first_due(HOURS, rail, since_us, lead_us=lead_us)
    assert since_us <= first.due_at_us == first.window.closes_at_us - lead_us
    at = first.due_at_us + out_us
    found = still_due(HOURS, rail, first, at, lead_us=lead_us)
    assert max(at, found.due_at_us) <= found.window.closes_at_us < found.window.settles_at_us


def test_a_file_settles_when_both_kinds_of_entry_have() -> None:
    hours = BankHours(standard_days={Leg.DEBIT: 1, Leg.CREDIT: 2})
    assert shown(file_window(hours, STANDARD, at_us("2026-12-01 09:00")).settles_at_us) == "2026-12-03 08:30"


@given(st.lists(st.integers(1, FILE_MINOR_MAX), max_size=50))
def test_files_hold_what_their_totals_can_say(amounts: list[int]) -> None:
    place = 0
    for entries in divide(amounts):
        assert 0 < entries <= FILE_ENTRIES_MAX
        assert sum(amounts[place : place + entries]) <= FILE_MINOR_MAX
        place += entries
        # No file is cut shorter than need be.
        assert place == len(amounts) or sum(amounts[place - entries : place + 1]) > FILE_MINOR_MAX
    assert place == len(amounts)


def test_a_file_has_a_bound_of_entries() -> None:
    assert list(divide(1 for _ in range(FILE_ENTRIES_MAX + 1))) == [FILE_ENTRIES_MAX, 1]
