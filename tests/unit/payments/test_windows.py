from __future__ import annotations

from datetime import date, datetime, time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from payments.calendar import is_banking_day
from payments.rails import Rail
from payments.windows import EASTERN, BankHours, Leg, Window, eastern, instant_us

HOURS = BankHours()
MINUTE_US = 60_000_000
ACH = (Rail.SAME_DAY_ACH, Rail.STANDARD_ACH)

instants = st.integers(1_483_228_800_000_000, 2_524_608_000_000_000)  # 2017 to 2049.
amounts = st.none() | st.integers(1, 2_000_000_000)
# Around the nights on which clocks change, and around the deadlines.
odd_days = st.sampled_from(
    [date(2026, 3, 8), date(2026, 11, 1), date(2027, 3, 14), date(2027, 11, 7), date(2027, 9, 17)]
)
near = st.builds(
    lambda day, minutes: instant_us(day, time(12, 0)) + minutes * MINUTE_US, odd_days, st.integers(-4000, 4000)
)


def at(text: str) -> int:
    """An Eastern wall clock time."""
    moment = datetime.fromisoformat(text)
    return instant_us(moment.date(), moment.time())


def shown(us: int) -> str:
    return eastern(us).strftime("%Y-%m-%d %H:%M")


def settles(rail: Rail, text: str, leg: Leg = Leg.DEBIT, hours: BankHours = HOURS) -> str:
    return shown(hours.window_at(rail, at(text), leg).settles_at_us)


@pytest.mark.parametrize(
    ("submitted", "closes", "settled"),
    [
        ("2026-12-01 00:00", "2026-12-01 10:30", "2026-12-01 13:00"),
        ("2026-12-01 10:30", "2026-12-01 10:30", "2026-12-01 13:00"),
        ("2026-12-01 10:30:00.000001", "2026-12-01 14:45", "2026-12-01 17:00"),
        ("2026-12-01 14:45", "2026-12-01 14:45", "2026-12-01 17:00"),
        ("2026-12-01 14:45:01", "2026-12-01 16:45", "2026-12-01 18:00"),
        ("2026-12-01 16:45", "2026-12-01 16:45", "2026-12-01 18:00"),
        ("2026-12-01 16:45:01", "2026-12-02 10:30", "2026-12-02 13:00"),
        ("2026-11-25 17:00", "2026-11-27 10:30", "2026-11-27 13:00"),  # Thanksgiving between.
        ("2026-11-28 12:00", "2026-11-30 10:30", "2026-11-30 13:00"),  # A Saturday.
        ("2026-07-03 16:00", "2026-07-03 16:45", "2026-07-03 18:00"),  # Open, though the 4th is a holiday.
        ("2021-03-18 15:00", "2021-03-19 10:30", "2021-03-19 13:00"),  # The third window came the day after.
    ],
)
def test_the_windows_of_same_day_ach(submitted: str, closes: str, settled: str) -> None:
    window = HOURS.window_at(Rail.SAME_DAY_ACH, at(submitted), Leg.DEBIT)
    assert (shown(window.closes_at_us), shown(window.settles_at_us)) == (closes, settled)
    assert window.rail is Rail.SAME_DAY_ACH


@pytest.mark.parametrize(
    ("submitted", "settled"),
    [
        ("2026-12-01 09:00", "2026-12-02 08:30"),
        ("2026-12-01 23:59", "2026-12-02 08:30"),
        ("2026-12-02 00:00", "2026-12-03 08:30"),
        ("2026-12-04 12:00", "2026-12-07 08:30"),  # A Friday.
        ("2026-12-05 12:00", "2026-12-08 08:30"),  # A Saturday's file is Monday's.
    ],
)
def test_standard_ach_settles_on_the_next_banking_day(submitted: str, settled: str) -> None:
    assert settles(Rail.STANDARD_ACH, submitted) == settles(Rail.STANDARD_ACH, submitted, Leg.CREDIT) == settled


def test_standard_credits_may_take_two_banking_days() -> None:
    hours = BankHours(standard_days={Leg.DEBIT: 1, Leg.CREDIT: 2})
    assert settles(Rail.STANDARD_ACH, "2026-12-03 12:00", Leg.DEBIT, hours) == "2026-12-04 08:30"
    assert settles(Rail.STANDARD_ACH, "2026-12-03 12:00", Leg.CREDIT, hours) == "2026-12-07 08:30"


@pytest.mark.parametrize(
    ("submitted", "settled"),
    [
        ("2026-12-01 12:00", "2026-12-01 12:00"),
        ("2026-12-01 18:45", "2026-12-01 18:45"),
        ("2026-12-01 18:45:00.000001", "2026-12-01 21:00"),  # Until 19:00 banks' own transfers only.
        ("2026-12-01 21:00", "2026-12-01 21:00"),
        ("2026-12-01 23:30", "2026-12-01 23:30"),
        ("2026-12-04 19:30", "2026-12-06 21:00"),  # Friday evening: Monday's day opens on Sunday.
        ("2026-12-06 22:00", "2026-12-06 22:00"),
        ("2026-11-25 22:00", "2026-11-26 21:00"),  # The evening before Thanksgiving.
    ],
)
def test_fedwire_runs_from_the_evening_before(submitted: str, settled: str) -> None:
    assert settles(Rail.WIRE, submitted) == settled


def test_instant_payments_settle_at_any_time() -> None:
    at_us = at("2026-12-25 03:00")
    assert HOURS.legs_at(Rail.INSTANT, at_us) == (Window(rail=Rail.INSTANT, closes_at_us=at_us, settles_at_us=at_us),)


@pytest.mark.parametrize(
    ("rail", "submitted", "debit", "credit"),
    [
        (Rail.SAME_DAY_ACH, "2026-12-01 09:00", "2026-12-01 13:00", "2026-12-01 17:00"),
        (Rail.SAME_DAY_ACH, "2026-12-01 12:00", "2026-12-01 17:00", "2026-12-02 13:00"),
        (Rail.SAME_DAY_ACH, "2026-12-04 16:00", "2026-12-04 18:00", "2026-12-07 13:00"),
        (Rail.STANDARD_ACH, "2026-12-01 09:00", "2026-12-02 08:30", "2026-12-03 08:30"),
        (Rail.STANDARD_ACH, "2026-12-03 09:00", "2026-12-04 08:30", "2026-12-07 08:30"),
    ],
)
def test_the_credit_leaves_in_the_first_window_after_the_debit_has_settled(
    rail: Rail, submitted: str, debit: str, credit: str
) -> None:
    legs = HOURS.legs_at(rail, at(submitted))
    assert [shown(leg.settles_at_us) for leg in legs] == [debit, credit]
    assert shown(HOURS.expected_settlement_at_us(rail, at(submitted))) == credit


def test_an_entry_above_the_limit_settles_as_standard_ach_until_the_limit_is_raised() -> None:
    above = 100_000_001
    before = HOURS.window_at(Rail.SAME_DAY_ACH, at("2027-09-16 09:00"), Leg.DEBIT, amount_minor=above)
    assert (before.rail, shown(before.settles_at_us)) == (Rail.STANDARD_ACH, "2027-09-17 08:30")
    after = HOURS.window_at(Rail.SAME_DAY_ACH, at("2027-09-17 09:00"), Leg.DEBIT, amount_minor=above)
    assert (after.rail, shown(after.settles_at_us)) == (Rail.SAME_DAY_ACH, "2027-09-17 13:00")
    within = HOURS.window_at(Rail.SAME_DAY_ACH, at("2027-09-16 09:00"), Leg.DEBIT, amount_minor=above - 1)
    assert within.rail is Rail.SAME_DAY_ACH


@pytest.mark.parametrize(
    ("day", "utc"), [("2026-03-06", "15:30"), ("2026-03-09", "14:30"), ("2026-10-30", "14:30"), ("2026-11-02", "15:30")]
)
def test_deadlines_keep_eastern_time_through_daylight_saving(day: str, utc: str) -> None:
    closes_at_us = HOURS.window_at(Rail.SAME_DAY_ACH, at(f"{day} 00:00"), Leg.DEBIT).closes_at_us
    assert datetime.fromisoformat(f"{day}T{utc}+00:00").timestamp() * 1_000_000 == closes_at_us


@given(st.sampled_from(Rail), instants | near, st.integers(0, 10_000 * MINUTE_US), amounts)
def test_a_later_submission_never_settles_earlier(rail: Rail, at_us: int, later_us: int, amount: int | None) -> None:
    earlier = HOURS.legs_at(rail, at_us, amount_minor=amount)
    later = HOURS.legs_at(rail, at_us + later_us, amount_minor=amount)
    assert earlier[0].settles_at_us <= later[0].settles_at_us
    # A payment that is above the limit is overtaken by one from the day on which the limit is raised.
    if earlier[0].rail is later[0].rail:
        assert earlier[-1].settles_at_us <= later[-1].settles_at_us


@given(st.sampled_from(Rail), instants | near, amounts)
def test_settlement_is_neither_before_submission_nor_before_the_leg_before(
    rail: Rail, at_us: int, amount: int | None
) -> None:
    moments = [at_us]
    for leg in HOURS.legs_at(rail, at_us, amount_minor=amount):
        moments += [leg.closes_at_us, leg.settles_at_us]
    assert moments == sorted(moments)


@given(st.sampled_from(ACH), instants | near, amounts)
def test_ach_settles_on_banking_days_only(rail: Rail, at_us: int, amount: int | None) -> None:
    for leg in HOURS.legs_at(rail, at_us, amount_minor=amount):
        assert is_banking_day(eastern(leg.settles_at_us).date())


@given(st.sampled_from(Rail), st.sampled_from(Leg), instants | near, st.integers(0, 100), amounts)
def test_until_a_window_closes_every_submission_gets_it(
    rail: Rail, leg: Leg, at_us: int, percent: int, amount: int | None
) -> None:
    window = HOURS.window_at(rail, at_us, leg, amount_minor=amount)
    between_us = at_us + (window.closes_at_us - at_us) * percent // 100
    assert HOURS.window_at(rail, between_us, leg, amount_minor=amount) == window
    assert HOURS.window_at(rail, window.closes_at_us + 1, leg, amount_minor=amount) != window


@given(instants | near)
@example(1_793_512_800_000_000)  # In the hour that comes twice, for the second time.
def test_an_instant_is_the_same_in_eastern_time(at_us: int) -> None:
    local = eastern(at_us)
    assert local.tzinfo is EASTERN
    assert instant_us(local.date(), local.time()) == at_us
    # Unless it says which, a wall clock time of the hour that comes twice means the first.
    hour_later_us = 60 * MINUTE_US if local.fold else 0
    assert instant_us(local.date(), local.time().replace(fold=0)) == at_us - hour_later_us
