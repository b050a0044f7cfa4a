"""What happens to a partition whose owner dies, sleeps or fails at one exact point, as the oracle sees it afterwards.

Each story returns the kinds of violations: none, if the stream app keeps its promise.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException

from chaos.oracle.violation import Kind
from payments.commands import InitiatePayment
from tests.integration.real_lane import Owner, Point, dies_at, new_stage, orders_of, violations
from tests.integration.stream_worker import Stage
from tests.integration.test_stream_survives import claim_of

PAYMENTS = 6
WAKES_S_MAX = 60.0


def an_owner_dies_before_its_commit(bootstrap: str, folder: Path) -> set[Kind]:
    stage = new_stage(bootstrap, folder)
    orders = sent(stage)
    kill_owner(stage, Point.BEFORE_COMMIT)
    decide_all(stage)
    return violations(stage, orders)


def an_owner_dies_before_its_commit_and_another_takes_over(bootstrap: str, folder: Path) -> set[Kind]:
    stage = new_stage(bootstrap, folder)
    orders = sent(stage)
    kill_owner(stage, Point.BEFORE_COMMIT)
    decide_all(stage, "stream-1")
    return violations(stage, orders)


def an_owner_dies_between_its_commit_and_its_store(bootstrap: str, folder: Path) -> set[Kind]:
    stage = new_stage(bootstrap, folder)
    orders = sent(stage)
    # Refused, since nobody ordered such payments: a refusal leaves no state by which it would be known again.
    for order in orders_of(stage, 2 * PAYMENTS)[PAYMENTS:]:
        stage.order(claim_of(order))
    stage.sent()
    kill_owner(stage, Point.COMMITTED)
    send(stage, orders)
    decide_all(stage)
    return violations(stage, orders)


def an_owner_dies_at_the_first_write_of_its_store(bootstrap: str, folder: Path) -> set[Kind]:
    stage = new_stage(bootstrap, folder)
    orders = sent(stage)
    kill_owner(stage, Point.STORED)
    send(stage, orders)
    decide_all(stage)
    return violations(stage, orders)


def another_takes_over_and_every_command_comes_again(bootstrap: str, folder: Path) -> set[Kind]:
    stage = new_stage(bootstrap, folder)
    orders = sent(stage)
    decide_all(stage)
    send(stage, orders)
    decide_all(stage, "stream-1")
    return violations(stage, orders)


def an_owner_wakes_up_in_its_transaction_when_another_has_decided(bootstrap: str, folder: Path) -> set[Kind]:
    stage = new_stage(bootstrap, folder)
    orders = sent(stage)
    asleep, woken = threading.Event(), threading.Event()

    def sleep(point: Point) -> None:
        if point is Point.WRITTEN:
            asleep.set()
            assert woken.wait(WAKES_S_MAX)

    async def story() -> None:
        former = asyncio.create_task(Owner(stage, at_point=sleep).decide_all())
        await asyncio.to_thread(asleep.wait, WAKES_S_MAX)
        other = Owner(stage, "stream-1")
        await other.decide_all()
        assert not other.failures, other.failures
        woken.set()
        await former

    asyncio.run(story())
    return violations(stage, orders)


def a_commit_fails_and_more_records_follow(bootstrap: str, folder: Path) -> set[Kind]:
    stage = new_stage(bootstrap, folder)
    orders = sent(stage)
    commits: list[Point] = []

    def fail_the_first(point: Point) -> None:
        if point is Point.BEFORE_ALL:
            commits.append(point)
            if len(commits) == 1:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    asyncio.run(Owner(stage, at_point=fail_the_first).decide_all(fetches=2))
    decide_all(stage)
    return violations(stage, orders)


def decide_all(stage: Stage, instance: str = "stream-0") -> None:
    owner = Owner(stage, instance)
    asyncio.run(owner.decide_all())
    assert not owner.failures


def kill_owner(stage: Stage, point: Point) -> None:
    owner = Owner(stage, at_point=dies_at(point))
    asyncio.run(owner.decide_all())
    assert owner.failures


def sent(stage: Stage) -> list[InitiatePayment]:
    """Send some orders, and return them once Kafka has them."""
    orders = orders_of(stage, PAYMENTS)
    send(stage, orders)
    return orders


def send(stage: Stage, orders: Sequence[InitiatePayment]) -> None:
    for order in orders:
        stage.order(order)
    stage.sent()
