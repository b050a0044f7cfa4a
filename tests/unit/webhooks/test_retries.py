"""When a delivery is attempted again: the schedule, its jitter, and what a receiver may ask for."""

from __future__ import annotations

import pytest

from webhooks.retries import DELAYS_S, SECOND_US, Schedule, parse_schedule, retry_after_s

NOW_US = 1_796_083_200_000_000  # 2026-12-01T00:00:00Z


def waits_s(schedule: Schedule) -> list[float | None]:
    nexts = [schedule.next_us(NOW_US, tries, None) for tries in range(len(DELAYS_S) + 1)]
    return [None if at_us is None else (at_us - NOW_US) / SECOND_US for at_us in nexts]


def test_the_schedule_is_the_recommended_one_and_then_it_has_failed() -> None:
    assert waits_s(Schedule(chance=lambda: 0.0)) == [
        0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, None,
    ]  # fmt: skip
    assert sum(DELAYS_S) / 3600 == pytest.approx(75.6, abs=0.1)


def test_jitter_makes_a_wait_longer_by_up_to_a_tenth_and_never_shorter() -> None:
    assert waits_s(Schedule(chance=lambda: 1.0))[:4] == [0, 5.5, 330, 1980]
    assert all(5 <= (Schedule().next_us(0, 1, None) or 0) / SECOND_US <= 5.5 for _ in range(100))


def test_a_receiver_that_asks_for_patience_gets_it_but_none_is_asked_sooner_than_the_schedule_says() -> None:
    schedule = Schedule(chance=lambda: 0.0)
    assert schedule.next_us(NOW_US, 1, 120.0) == NOW_US + 120 * SECOND_US
    assert schedule.next_us(NOW_US, 1, 1.0) == NOW_US + 5 * SECOND_US
    assert schedule.next_us(NOW_US, len(DELAYS_S), 120.0) is None


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "120", 120),
        (503, " 0 ", 0),
        (429, "99999999999999999999", 24 * 3600),
        (503, "Tue, 01 Dec 2026 00:02:00 GMT", 120),
        (429, "Tue, 01 Dec 2026 00:02:00 -0000", 120),
        (429, "Mon, 30 Nov 2026 00:00:00 GMT", 0),
        (429, "Fri, 01 Jan 2027 00:00:00 GMT", 24 * 3600),
        (429, None, None),
        (429, "soon", None),
        (429, "Thu, 31 Dec 9999 23:59:59 +999999999999999999999", None),
        (429, "-5", None),
        (429, "٣", None),
        (500, "120", None),
        (200, "120", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_of_429_and_503_and_has_a_bound(
    status: int, header: str | None, seconds: float | None
) -> None:
    assert retry_after_s(status, header, NOW_US) == seconds


def test_a_schedule_is_read_from_a_setting() -> None:
    assert parse_schedule("0,0.5, 300") == (0.0, 0.5, 300.0)
    for wrong in ("", "0,", "soon", "-1", "nan", "inf", "90000", ",".join(["1"] * 101)):
        with pytest.raises(ValueError):
            parse_schedule(wrong)
