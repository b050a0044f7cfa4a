"""When entries settle and are answered, by dates written by hand from Nacha's rules and the Fed's calendar."""

from __future__ import annotations

from datetime import date

import pytest

from payments.windows import BankHours, Leg, eastern
from rails.nacha.return_codes import AGREED, RETURN_REASONS, is_untimely
from rails.simulated.ach.due_dates import answers_at_us, made_by_us, settles_at_us
from rails.simulated.scenarios import script_of_entry
from tests.unit.rails.ach.written_log import at_us
from tests.unit.rails.nacha.contents import HEADER

HOURS = BankHours()


@pytest.mark.parametrize(
    ("received", "effective_on", "settles"),
    [
        ("2026-11-30 09:10", "2026-11-30", "2026-11-30 13:00"),  # Effective today: the window that closes at 10:30.
        ("2026-11-30 10:30", "2026-11-30", "2026-11-30 13:00"),
        ("2026-11-30 10:31", "2026-11-30", "2026-11-30 17:00"),
        ("2026-11-30 16:46", "2026-11-30", "2026-12-01 13:00"),  # All windows missed: the next day's first.
        ("2026-11-30 09:10", "2026-11-27", "2026-11-30 13:00"),  # A date that has passed is today's.
        ("2026-11-30 09:10", "2026-12-01", "2026-12-01 08:30"),  # Effective tomorrow: standard.
        ("2026-11-28 12:00", "2026-11-30", "2026-11-30 13:00"),  # On a Saturday, Monday is the day on which it comes.
        ("2026-11-30 09:10", "2026-12-02", "2026-12-02 08:30"),  # Dated further ahead: kept until its day,
        ("2026-11-30 09:10", "2026-12-25", "2026-12-28 08:30"),  # which is a banking day: Christmas is a Friday.
        ("2026-11-25 23:55", "2026-11-26", "2026-11-27 08:30"),  # Behind Thanksgiving.
    ],
)
@pytest.mark.parametrize("leg", Leg)
def test_an_entry_settles_by_its_effective_date_and_the_banks_windows(
    received: str, effective_on: str, settles: str, leg: Leg
) -> None:
    assert settles_at_us(
        HOURS,
        leg=leg,
        amount_minor=150_000,
        effective_on=date.fromisoformat(effective_on),
        received_at_us=at_us(received),
    ) == at_us(settles)


def test_an_entry_above_the_same_day_limit_settles_as_standard_ach() -> None:
    def settles(amount_minor: int) -> int:
        return settles_at_us(
            HOURS,
            leg=Leg.DEBIT,
            amount_minor=amount_minor,
            effective_on=date(2026, 11, 30),
            received_at_us=at_us("2026-11-30 09:10"),
        )

    assert settles(100_000_000) == at_us("2026-11-30 13:00")
    assert settles(100_000_001) == at_us("2026-12-01 08:30")


@pytest.mark.parametrize(
    ("account_number", "answered"),
    [
        ("987654321", None),
        ("30003", None),
        ("10001", "2026-12-01 13:00"),  # Refused: when it settles.
        ("10010", "2026-12-01 13:00"),
        ("20001", "2026-12-03 08:30"),  # 2 banking days.
        ("20029", "2026-12-03 08:30"),  # A business has no longer than that.
        ("20010", "2027-02-01 08:30"),  # 60 days are a Saturday; the Monday behind them.
        ("50001", "2026-12-04 08:30"),  # A banking day late.
        ("50010", "2027-02-02 08:30"),
        ("40001", "2026-12-03 08:30"),
        ("10099", None),  # No such codes: accounts like any other.
        ("40008", None),
        ("10000", None),
    ],
)
def test_an_answer_comes_on_the_last_day_that_the_rules_give(account_number: str, answered: str | None) -> None:
    answers_us = answers_at_us(HOURS, script_of_entry(account_number), at_us("2026-12-01 13:00"))
    assert answers_us == (None if answered is None else at_us(answered))


@pytest.mark.parametrize("code", sorted(RETURN_REASONS.keys() - AGREED))
@pytest.mark.parametrize("settled", ["2026-11-20 08:30", "2026-11-25 13:00", "2026-12-24 17:00", "2027-05-03 18:00"])
def test_what_is_asked_to_come_in_time_does_and_what_is_asked_to_come_late_is_late(code: str, settled: str) -> None:
    def is_late(series: str) -> bool:
        answers_us = answers_at_us(HOURS, script_of_entry(f"{series}{code[1:]}"), at_us(settled))
        assert answers_us is not None
        return is_untimely(code, settled_on=eastern(at_us(settled)).date(), heard_on=eastern(answers_us).date())

    assert (is_late("200"), is_late("500")) == (False, True)


def test_a_file_was_made_by_the_end_of_the_minute_that_it_names() -> None:
    assert made_by_us(HEADER) == at_us("2026-11-30 09:06") - 1
