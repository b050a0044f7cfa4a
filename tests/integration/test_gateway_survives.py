"""Gateway and bank are killed, starved and robbed of their state: every payment is still paid once, and told of."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from payments.commands import Report
from payments.payment import Status
from payments.rails import Rail
from rails.gateway import FEED_PARTITION, GROUP
from schemas.topics import PAYMENT_EVENTS
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import eventually
from tests.integration.rail_world import RailWorld, broker_with_topics

PLAIN = "123456789"
PAYMENTS = 1000
KILLS = 8
SETTLE_S_MAX = 120.0
SEED = 20260301


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    with broker_with_topics(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, broker: OwnBroker) -> Iterator[RailWorld]:
    """A new bank and a new gateway, on the topics that earlier tests have left behind."""
    running = RailWorld(tmp_path, broker)
    try:
        running.bank.start()
        running.gateway.start()
        yield running
    finally:
        running.stop()


def pay_many(world: RailWorld, count: int, rails: tuple[Rail, ...] = tuple(Rail)) -> dict[str, Status]:
    """Start payments of every kind, and return what each must come to."""
    accounts = {
        number: world.decider.account(number)
        for number in ("987654321", "10001", "20010", "30000", "30001", "30002", PLAIN)
    }
    chance = random.Random(SEED)
    expected = {}
    for n in range(count):
        payer, status = chance.choices(
            [
                ("987654321", Status.COMPLETED),
                ("10001", Status.FAILED),
                ("20010", Status.RETURNED),
                ("30000", Status.COMPLETED),
                ("30001", Status.COMPLETED),
                ("30002", Status.COMPLETED),
            ],
            weights=[90, 2, 2, 2, 2, 2],
        )[0]
        payment_id = world.decider.pay(
            accounts[payer], accounts[PLAIN], now_us=world.now_us, rail=rails[n % len(rails)]
        )
        expected[payment_id] = status
    return expected


def wait_all(world: RailWorld, expected: dict[str, Status], *, is_supervised: bool = False) -> None:
    def is_done() -> bool:
        if is_supervised:
            world.gateway.start_again_if_ended()
        return all(world.decider.payment(payment_id).status is status for payment_id, status in expected.items())

    def say() -> str:
        open_ones = {
            payment_id: (world.decider.payment(payment_id).status.value, world.decider.heard(payment_id))
            for payment_id, status in expected.items()
            if world.decider.payment(payment_id).status is not status
        }
        return f"{len(open_ones)} not there: {dict(list(open_ones.items())[:5])}; {world.gateway.tail()}"

    eventually(is_done, SETTLE_S_MAX, say)


def check_books(world: RailWorld, expected: dict[str, Status]) -> None:
    """Each payment is one transfer (or none was due), booked as often as its end says."""
    transfers = world.transfers()
    assert set(transfers) == set(expected)
    for payment_id, status in expected.items():
        entries = {Status.COMPLETED: 2, Status.FAILED: 0, Status.RETURNED: 4}[status]
        assert transfers[payment_id]["entries"] == entries, payment_id
    assert not world.decider.refused, "a report that the lifecycle refuses: something was said in the wrong order"


def test_1000_payments_through_kills_of_bank_and_gateway_at_random_moments(world: RailWorld) -> None:
    expected = pay_many(world, PAYMENTS // 2)
    chance = random.Random(SEED)
    for n in range(KILLS):
        expected |= pay_many(world, PAYMENTS // 2 // KILLS)
        progress = sum(world.decider.statuses()[status] for status in (Status.COMPLETED, Status.FAILED))
        # The moment: a random number of payments further on (or when there is no more to come just now).
        further = progress + chance.randint(1, 60)
        moved = [0]

        def has_moved(further: int = further, moved: list[int] = moved) -> bool:
            moved[0] += 1
            done = sum(world.decider.statuses()[status] for status in (Status.COMPLETED, Status.FAILED))
            return done >= further or moved[0] > 100

        eventually(has_moved, 60, world.gateway.tail)
        victims = [world.gateway, world.bank] if n % 3 == 2 else [world.gateway if n % 3 == 0 else world.bank]
        for victim in victims:
            victim.kill()
        for victim in victims:
            victim.start()
    wait_all(world, expected)
    check_books(world, expected)


def test_a_gateway_that_lost_its_state_rebuilds_it_and_sends_nothing_twice(world: RailWorld) -> None:
    expected = pay_many(world, 200)
    eventually(lambda: world.decider.statuses()[Status.PROCESSING] > 50, 60, world.gateway.tail)
    world.gateway.kill()
    shutil.rmtree(world.folder / "rails-0")
    world.gateway.start()
    wait_all(world, expected)
    check_books(world, expected)


def test_a_gateway_that_lost_its_state_does_not_report_again_what_the_bank_told_before(world: RailWorld) -> None:
    expected = pay_many(world, 50, (Rail.INSTANT,))
    wait_all(world, expected)
    feed_end = world.bank.get("/outcomes").json()["cursor"]
    eventually(lambda: noted_cursor(world) == feed_end, 30, world.gateway.tail)
    heard = {payment_id: len(world.decider.reports[payment_id]) for payment_id in expected}
    world.gateway.kill()
    shutil.rmtree(world.folder / "rails-0")
    world.gateway.start()
    wait_all(world, pay_many(world, 1, (Rail.INSTANT,)))
    assert {payment_id: len(world.decider.reports[payment_id]) for payment_id in expected} == heard


def noted_cursor(world: RailWorld) -> str | None:
    """Return the place in the bank's feed that the gateway's group knows of."""
    asker = Consumer({"bootstrap.servers": world.broker.bootstrap, "group.id": GROUP})
    try:
        [place] = asker.committed([TopicPartition(PAYMENT_EVENTS.name, FEED_PARTITION)], 30)
    finally:
        asker.close()
    return place.metadata


def test_state_of_another_kafka_is_dropped(world: RailWorld) -> None:
    world.gateway.kill()
    with sqlite3.connect(world.folder / "rails-0" / "open_payments.sqlite") as state:
        state.execute("UPDATE source SET identity = 'another/log', feed_cursor = 'other-books:999999'")
        state.execute("UPDATE partitions SET next_offset = 999999")
    state.close()
    world.gateway.start()
    assert "state_of_another_log_dropped" in world.gateway.log_text()
    expected = pay_many(world, 50, (Rail.INSTANT,))
    wait_all(world, expected)
    check_books(world, expected)


def test_offsets_behind_the_logs_end_start_the_partition_over(world: RailWorld) -> None:
    expected = pay_many(world, 50, (Rail.STANDARD_ACH,))
    world.gateway.kill()
    with sqlite3.connect(world.folder / "rails-0" / "open_payments.sqlite") as state:
        state.execute("DELETE FROM payments")
        state.executemany(
            "INSERT OR REPLACE INTO partitions (partition, next_offset) VALUES (?, 999999)", [(n,) for n in range(8)]
        )
    state.close()
    world.gateway.start()
    wait_all(world, expected)
    check_books(world, expected)
    assert "partition_starts_over" in world.gateway.log_text()


def test_while_the_bank_is_down_nothing_is_lost_and_nothing_fails(world: RailWorld) -> None:
    world.bank.kill()
    expected = pay_many(world, 100, (Rail.INSTANT, Rail.WIRE))
    eventually(lambda: world.decider.statuses()[Status.PROCESSING] == 100, 60, world.gateway.tail)
    eventually(
        lambda: world.gateway.metric('directpay_gateway_unanswered_total{to="submit"}') > 0, 30, world.gateway.tail
    )
    world.bank.start()
    wait_all(world, expected)
    check_books(world, expected)


def test_while_kafka_is_down_nothing_is_lost_and_the_feed_does_not_move_on(world: RailWorld) -> None:
    expected = pay_many(world, 100, (Rail.SAME_DAY_ACH,))
    eventually(lambda: world.decider.statuses()[Status.PROCESSING] == 100, 60, world.gateway.tail)
    world.broker.kill()
    # Everything settles at the bank while the gateway can tell nobody.
    eventually(lambda: world.bank.get("/books").json()["totals"]["awaiting"] == 0, 60, world.bank.tail)
    eventually(lambda: world.gateway.metric("directpay_gateway_log_failures_total") > 0, 60, world.gateway.tail)
    world.broker.start()
    # librdkafka joins its group anew and may tell of an offset in its former name just then: the broker fences it,
    # which it takes for the end, and so does the gateway.
    wait_all(world, expected, is_supervised=True)
    check_books(world, expected)


def test_while_nobody_decides_claims_wait_in_the_log(world: RailWorld) -> None:
    world.decider.pause()
    expected = pay_many(world, 50, (Rail.INSTANT,))
    eventually(
        lambda: world.gateway.metric('directpay_gateway_reports_total{report="claimed"}') >= 50, 30, world.gateway.tail
    )
    world.gateway.kill()
    world.gateway.start()
    world.decider.resume()
    wait_all(world, expected)
    check_books(world, expected)


def test_two_gateways_share_the_partitions_and_one_takes_over_from_the_other(world: RailWorld) -> None:
    second = world.another_gateway("rails-1")
    try:
        second.start()
        eventually(
            lambda: (
                world.gateway.metric("directpay_gateway_partitions") == 4
                and second.metric("directpay_gateway_partitions") == 4
            ),
            60,
            lambda: world.gateway.tail() + second.tail(),
        )
        expected = pay_many(world, 200, (Rail.SAME_DAY_ACH, Rail.INSTANT))
        eventually(lambda: world.decider.statuses()[Status.PROCESSING] > 50, 60, world.gateway.tail)
        world.gateway.kill()
        wait_all(world, expected)
        assert second.metric("directpay_gateway_partitions") == 8
        check_books(world, expected)
    finally:
        second.kill()


def test_a_frozen_gateway_that_wakes_up_after_its_partitions_have_gone_pays_nothing_twice(world: RailWorld) -> None:
    second = world.another_gateway("rails-1")
    try:
        second.start()
        expected = pay_many(world, 200, (Rail.SAME_DAY_ACH,))
        eventually(lambda: world.decider.statuses()[Status.PROCESSING] > 20, 60, world.gateway.tail)
        world.gateway.pause()
        eventually(lambda: second.metric("directpay_gateway_partitions") == 8, 60, second.tail)
        world.gateway.resume()
        wait_all(world, expected)
        check_books(world, expected)
    finally:
        second.kill()


def test_both_end_cleanly_when_asked(world: RailWorld) -> None:
    expected = pay_many(world, 50, (Rail.STANDARD_ACH,))
    assert world.gateway.terminate() == 0
    assert world.bank.terminate() == 0
    world.bank.start()
    world.gateway.start()
    wait_all(world, expected)
    check_books(world, expected)
    assert all(
        Report.SETTLED in world.decider.heard(payment_id) for payment_id, s in expected.items() if s is Status.COMPLETED
    )
