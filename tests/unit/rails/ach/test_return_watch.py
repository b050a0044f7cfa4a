"""The alarm for debits that come back, by the book of a desk: what counts, and when it is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
import structlog
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from payments.rails import Rail
from rails.ach.phases import Leg
from rails.ach.return_watch import rates_on
from rails.nacha.return_rates import Kind
from schemas.origination import AchReturn
from tests.unit.rails.ach.desk_in_hand import DeskInHand
from tests.unit.rails.ach.written_log import at_us, traces_of
from tests.unit.rails.instructions import instruction

CUT_OFF = "2026-12-01 10:25"
DEBITS = 200  # One of them is 0.5 %.
DAY_US = 86_400_000_000


@pytest.fixture(autouse=True)
def logs_of_every_level() -> Iterator[None]:
    """Whatever level of logs the test before had set."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)


@pytest.fixture
def desk() -> Iterator[DeskInHand]:
    """A desk that has handed in a file of debits."""
    world = DeskInHand(at_us("2026-12-01 09:00"))
    world.desk.take([instruction(n, rail=Rail.SAME_DAY_ACH) for n in range(1, DEBITS + 1)])
    world.go_on(at_us(CUT_OFF))
    yield world
    world.close()


def send_back(
    world: DeskInHand, n: int, code: str, *, leg: Leg = Leg.DEBIT, file_number: int = 1, line: int = 4
) -> None:
    """Hear that the entry of payment number `n` came back, as a file of the bank's with one entry says."""
    trace = traces_of(world.reading, file_number)[instruction(n).reference, leg]
    world.write(
        AchReturn(
            file_sha256=trace.encode().ljust(32),
            line=line,
            original_trace_number=trace,
            code=code,
            amount_minor=150_000,
            received_at_us=world.clock.us,
        )
    )


def counts(world: DeskInHand, day: str) -> dict[Kind, tuple[int, int]]:
    rates = rates_on(world.reading, date.fromisoformat(day))
    return {rate.level.kind: (rate.returned, rate.originated) for rate in rates}


def alarms(world: DeskInHand) -> list[tuple[str, str]]:
    """What the log tells when the desk looks: events with their kinds."""
    with capture_logs() as logs:
        world.desk.show_problems()
    return [(each["event"], each["kind"]) for each in logs if each["event"].startswith("ach_return_rate")]


def shown(name: str, kind: Kind) -> float | None:
    return REGISTRY.get_sample_value(f"directpay_ach_return_rate{name}", {"kind": kind.value})


def test_above_a_level_an_alarm_is_raised_once_and_shown_until_it_is_over(desk: DeskInHand) -> None:
    send_back(desk, 1, "R10")
    assert alarms(desk) == []
    assert shown("", Kind.UNAUTHORIZED) == 1 / DEBITS
    assert shown("_exceeded", Kind.UNAUTHORIZED) == 0
    send_back(desk, 2, "R07")
    assert alarms(desk) == [("ach_return_rate_exceeded", "unauthorized")]
    assert shown("_exceeded", Kind.UNAUTHORIZED) == 1
    assert alarms(desk) == []
    desk.clock.us += 60 * DAY_US
    assert alarms(desk) == [("ach_return_rate_within_again", "unauthorized")]
    assert shown("_exceeded", Kind.UNAUTHORIZED) == 0


def test_more_debits_handed_in_may_end_an_alarm(desk: DeskInHand) -> None:
    send_back(desk, 1, "R10")
    send_back(desk, 2, "R07")
    alarms(desk)
    desk.desk.take([instruction(n, rail=Rail.STANDARD_ACH) for n in range(DEBITS + 1, 2 * DEBITS + 1)])
    desk.go_on(at_us("2026-12-01 23:55"))
    assert shown("_exceeded", Kind.UNAUTHORIZED) == 0
    assert counts(desk, "2026-12-01")[Kind.UNAUTHORIZED] == (2, 2 * DEBITS)


def test_what_waits_is_not_originated_and_returns_of_credits_do_not_count(desk: DeskInHand) -> None:
    desk.go_on(at_us("2026-12-01 14:40"))
    send_back(desk, 1, "R03", leg=Leg.CREDIT, file_number=2)
    desk.desk.take([instruction(DEBITS + 1, rail=Rail.STANDARD_ACH)])
    assert counts(desk, "2026-12-01") == dict.fromkeys(Kind, (0, DEBITS))


def test_the_same_return_counts_once_and_one_that_is_not_believed_not_at_all(desk: DeskInHand) -> None:
    for line in (4, 4, 5):
        send_back(desk, 1, "R02", line=line)
    send_back(desk, 2, "R61")
    assert counts(desk, "2026-12-01")[Kind.OVERALL] == (1, DEBITS)


def test_a_return_counts_on_the_eastern_day_on_which_it_was_read(desk: DeskInHand) -> None:
    desk.clock.us = at_us("2026-12-02 23:30")  # In UTC it is the next day.
    send_back(desk, 1, "R01")
    assert desk.reading.debits_returned(date.fromisoformat("2026-12-02"), date.fromisoformat("2026-12-02")) == {
        (date.fromisoformat("2026-12-02"), "R01"): 1
    }
    assert counts(desk, "2026-12-01")[Kind.OVERALL] == (0, DEBITS)
