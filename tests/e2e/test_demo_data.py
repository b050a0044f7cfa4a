"""A year of payments on a stack of its own, whose clock goes through that year; and a clock that is set by hand."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from business_clock import Setting, read_setting, remove_setting, system_us, write_setting
from chaos.evidence import read_events
from chaos.oracle.history import Event, chain_intact, moves_legal, times_increase
from cli.local_stack.stack import LocalStack
from payments.payment import Payment
from payments.rails import TIMINGS
from tests.e2e.tenancy import Tenancy

PAYMENTS = 200
NAME = f"demo-data-6-{PAYMENTS}-12"
MARCH = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of this module's own: nobody else's clock is set."""
    running = LocalStack(tmp_path_factory.mktemp("demo") / "stack")
    running.start()
    yield running
    running.stop()


def demo_data(stack: LocalStack, *options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "cli.main", "demo-data", "--state-dir", str(stack.state.path), *options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def year(stack: LocalStack) -> tuple[str, list[Payment]]:
    """What the command said, and every payment as its newest record has it."""
    made = demo_data(stack, "--payments", str(PAYMENTS), "--seed", "6")
    assert made.returncode == 0, made.stdout + made.stderr
    newest: dict[str, Payment] = {}
    for event in read_events(stack.stack["kafka"]):
        assert_sound(event)
        newest[event.key] = event.payment
    return made.stdout, [each for each in newest.values() if each.head.idempotency_key.startswith(NAME)]


def assert_sound(event: Event) -> None:
    violations = [each for check in (moves_legal, times_increase, chain_intact) for each in check(None, event)]
    assert violations == []


def ended_at(payment: Payment) -> datetime:
    return datetime.fromtimestamp(payment.last.occurred_at_us / 1_000_000, UTC)


def test_every_payment_of_the_year_is_there_dated_in_it_with_its_rails_delays(year: tuple[str, list[Payment]]) -> None:
    said, payments = year
    assert len(payments) == PAYMENTS
    today = datetime.now(UTC)
    start = (today - timedelta(days=367)).timestamp() * 1_000_000
    days: Counter[date] = Counter()
    for payment in payments:
        times_us = [each.occurred_at_us for each in payment.transitions]
        assert start < times_us[0]
        assert ended_at(payment) < today
        days[ended_at(payment).date()] += 1
        if payment.status == "completed":
            timing = TIMINGS[payment.head.payment_rail_type]
            taken_s = (times_us[2] - payment.head.due_at_us) / 1_000_000 + timing.claim_delay_s
            assert timing.settle_s_min <= taken_s <= timing.settle_s_max + timing.claim_delay_s
            assert times_us[1] - payment.head.due_at_us <= 1, "claimed when it was due"
    assert len(days) > 60
    assert "All are as planned" in said


def test_payments_end_in_every_way(year: tuple[str, list[Payment]]) -> None:
    said, payments = year
    statuses = Counter(payment.status.value for payment in payments)
    assert statuses["completed"] > 0.8 * PAYMENTS
    assert min(statuses[each] for each in ("failed", "returned", "cancelled")) >= 2
    sources = Counter(each.failure.source for each in payments if each.failure is not None)
    assert min(sources["rail"], sources["directpay"]) >= 2
    assert set(statuses) <= {"completed", "failed", "returned", "cancelled", "pending"}
    assert f"{statuses['pending']:>9,}  in flight" in said


def test_rent_is_paid_near_its_due_day_by_the_views(stack: LocalStack, year: tuple[str, list[Payment]]) -> None:
    with psycopg.connect(stack.stack["analyst"]) as views:
        rows = views.execute(
            """SELECT initiated_at, (metadata ->> 'due_date')::date, due_day, amount, rent_amount
               FROM analytics.payments JOIN analytics.leases USING (lease_id)
               WHERE starts_with(idempotency_key, %s) AND metadata ->> 'kind' = 'rent'""",
            [NAME],
        ).fetchall()
    assert len(rows) > 0.7 * PAYMENTS
    for at, due, due_day, amount, rent in rows:
        assert timedelta(days=-5) <= at.date() - due <= timedelta(days=30)
        assert due.day == due_day or (due + timedelta(days=1)).day == 1
        assert 0 < amount <= rent


def test_the_clock_is_handed_back_and_a_second_run_adds_nothing(
    stack: LocalStack, year: tuple[str, list[Payment]]
) -> None:
    assert not stack.state.clock_file.exists()
    again = demo_data(stack, "--payments", str(PAYMENTS), "--seed", "6")
    assert again.returncode == 0, again.stderr
    assert "made before; nothing is added" in again.stdout
    with psycopg.connect(stack.stack["analyst"]) as views:
        assert views.execute("SELECT count(*) FROM analytics.payments").fetchone() == (PAYMENTS,)


def test_an_interrupted_year_goes_on_where_it_was_and_is_made_once(stack: LocalStack) -> None:
    options = ("--payments", "1500", "--seed", "8", "--until", "2026-06-30")
    argv = [sys.executable, "-m", "cli.main", "demo-data", "--state-dir", str(stack.state.path), *options]
    progress = Path(stack.state.path / "demo-data.json")
    killed = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while json.loads(progress.read_text()).get("demo-data-8-1500-12", {}).get("sent", 0) == 0:
        assert time.monotonic() < deadline
        assert killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert read_setting(stack.state.clock_file) is not None, "the clock stays, so that nothing is dated today"
    other = demo_data(stack, "--payments", "100", "--seed", "9")
    assert other.returncode == 1
    assert "set by directpay demo-data (demo-data-8-1500-12)" in other.stderr
    status = subprocess.run(
        [sys.executable, "-m", "cli.main", "status", "--state-dir", str(stack.state.path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "set by directpay demo-data" in status.stdout

    resumed = demo_data(stack, *options)

    assert resumed.returncode == 0, resumed.stderr
    assert "were made before; going on" in resumed.stdout
    assert "1,500 payments from 30 June 2025 to 30 June 2026" in resumed.stdout
    assert not stack.state.clock_file.exists()


def test_a_clock_set_by_hand_dates_what_is_asked_for_over_http_and_settles_it_when_it_is_stepped(
    stack: LocalStack,
) -> None:
    tenancy = Tenancy.open(stack.stack)
    path = stack.state.clock_file
    march_us = int(MARCH.timestamp()) * 1_000_000

    def show(seconds: int) -> None:
        at_us = march_us + seconds * 1_000_000
        write_setting(path, Setting(set_by="a test", from_us=march_us, at_us=at_us, since_us=system_us()))

    try:
        show(0)
        time.sleep(0.02)  # No process believes a look that is older.
        payment_id = tenancy.pay(payment_rail_type="wire").json()["id"]
        assert tenancy.wait_for(payment_id, "processing")["initiated_at"].startswith("2026-03-02T09:30:00")
        show(10)
        tenancy.wait_for(payment_id, "completed")
        show(86_400)
        later = tenancy.pay(payment_rail_type="same_day_ach").json()["id"]
        show(2 * 86_400)
        tenancy.wait_for(later, "completed")
    finally:
        remove_setting(path)
    settled = datetime.fromisoformat(tenancy.history(payment_id)[-1]["timestamp"])
    assert timedelta(seconds=5) <= settled - MARCH <= timedelta(seconds=10)
    settled = datetime.fromisoformat(tenancy.history(later)[-1]["timestamp"])
    assert timedelta(seconds=30) <= settled - MARCH - timedelta(days=1) <= timedelta(seconds=60)

    today = tenancy.pay().json()["initiated_at"]
    assert datetime.now(UTC) - datetime.fromisoformat(today) < timedelta(minutes=1), "the clock is the machine's again"
    refused = demo_data(stack, "--payments", "100", "--seed", "9")
    assert refused.returncode == 1
    assert "other traffic" in refused.stderr
    assert not path.exists()
