"""Dispatchers are killed and robbed of their state: every event arrives, in its payment's order, signed, at endpoints
that do well and at those that do not; the bad ones hold up nobody."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from directory.webhook_endpoint import DisabledReason, WebhookEndpoint
from payments.payment import Payment
from schemas.deliveries import Outcome
from tests.integration.own_broker import OwnBroker
from tests.integration.rail_processes import eventually
from tests.integration.rail_world import broker_with_topics
from tests.integration.webhook_receiver import Heard
from tests.integration.webhook_world import WebhookWorld

SEED = 20261201
ARRIVE_S_MAX = 120.0
NAMES = ("good", "flaky", "hang", "gone", "redirect")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    with broker_with_topics(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, broker: OwnBroker) -> Iterator[WebhookWorld]:
    running = WebhookWorld(tmp_path, broker.bootstrap, seed=SEED)
    try:
        yield running
    finally:
        running.close()


def events_of(payments: list[Payment]) -> set[tuple[str, int]]:
    return {(payment.payment_id, step.sequence) for payment in payments for step in payment.transitions}


def check_order(heard: list[Heard]) -> None:
    """An event of a payment is not attempted before its predecessor was accepted: these endpoints accept in the end."""
    accepted: set[tuple[str, int]] = set()
    for it in heard:
        assert it.sequence == 1 or (it.payment_id, it.sequence - 1) in accepted, it
        if it.is_accepted:
            accepted.add((it.payment_id, it.sequence))


def kill_while_delivering(world: WebhookWorld, *, payments: int, kills: int) -> list[Payment]:
    """Write payments and kill the dispatcher at random moments meanwhile; once its state is lost too, once its secret
    is rotated."""
    chance = random.Random(SEED)
    for name in NAMES:
        world.endpoint(name)
    world.dispatcher.start()
    paid = []
    for n in range(kills):
        paid += world.pay(payments // kills)
        further = len(world.receiver.heard("good")) + chance.randint(1, 2 * payments // kills)
        give_up_at = time.monotonic() + 2

        def has_moved(further: int = further, give_up_at: float = give_up_at) -> bool:
            return len(world.receiver.heard("good")) >= further or time.monotonic() > give_up_at

        eventually(has_moved, 60, world.dispatcher.tail)
        world.dispatcher.kill()
        if n == kills // 2:
            shutil.rmtree(world.folder / "webhooks-0")
            world.rotate(world.ids["good"])
            world.rotate(world.ids["flaky"])
        world.decide_directory()
        world.dispatcher.start()
        if n == kills // 2:
            world.deploy_new_secret(world.ids["flaky"])
    return paid


def check_deliveries(world: WebhookWorld, paid: list[Payment]) -> None:
    expected, tail = events_of(paid), world.dispatcher.tail

    def check_arrivals(name: str) -> None:
        def say() -> str:
            missing = expected - world.receiver.accepted(name)
            return f"{len(missing)} of {len(expected)} did not arrive at {name}, such as {list(missing)[:3]}: {tail()}"

        eventually(lambda: world.receiver.accepted(name) == expected, ARRIVE_S_MAX, say)

    for name in ("good", "flaky"):
        check_arrivals(name)
        check_order(world.receiver.heard(name))
    assert world.receiver.forged == 0
    assert not world.receiver.accepted("redirect")


def test_hundreds_of_events_through_kills_and_a_lost_state_arrive_in_order_and_signed(world: WebhookWorld) -> None:
    paid = kill_while_delivering(world, payments=100, kills=4)
    check_deliveries(world, paid)
    check_disabled_and_replayed(world, world.ids["gone"], paid)
    check_one_replayed(world, paid)


def check_disabled_and_replayed(world: WebhookWorld, gone: str, paid: list[Payment]) -> None:
    """410 has disabled the endpoint, of which the others are told; what it was not told is on the log as failed, and a
    replay brings it."""

    def is_disabled() -> bool:
        world.decide_directory()
        entity = world.records[gone].entity
        return isinstance(entity, WebhookEndpoint) and entity.disabled_reason is DisabledReason.GONE

    eventually(is_disabled, 30, world.dispatcher.tail)

    eventually(lambda: gone in world.receiver.notices("good"), 30, world.dispatcher.tail)
    eventually(lambda: gone in world.receiver.notices("flaky"), 30, world.dispatcher.tail)
    assert set(world.receiver.notices("good")) == {gone}

    def failed() -> set[tuple[str, int]]:
        log = world.delivery_log(gone)
        return {(it.payment_id, it.sequence) for it in log if it.outcome is Outcome.FAILED}

    eventually(lambda: failed() == events_of(paid), 60, lambda: f"{len(failed())}; {world.dispatcher.tail()}")
    world.enable(gone, "mended")
    world.replay(gone, failed_only=True)
    eventually(
        lambda: len(world.receiver.accepted("mended")) == len(events_of(paid)),
        60,
        lambda: f"{len(world.receiver.accepted('mended'))}; {world.dispatcher.tail()}",
    )
    check_order(world.receiver.heard("mended"))


def check_one_replayed(world: WebhookWorld, paid: list[Payment]) -> None:
    """One event that was delivered is delivered once more, and no other."""
    good = world.ids["good"]
    before = len(world.receiver.heard("good"))
    request = world.replay(good, message_id=f"{paid[0].payment_id}:2")
    eventually(lambda: len(world.receiver.heard("good")) > before, 30, world.dispatcher.tail)
    [again] = world.receiver.heard("good")[before:]
    assert (again.payment_id, again.sequence) == (paid[0].payment_id, 2)

    def attempts() -> list[tuple[int, int]]:
        log = world.delivery_log(good)
        return [(it.tries, it.attempt) for it in log if it.replay_id == request.request_id]

    eventually(lambda: len(attempts()) == 1, 30, world.dispatcher.tail)
    [(tries, attempt)] = attempts()
    assert tries == 1
    assert attempt >= 2


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ten_thousand_deliveries_through_twenty_kills(world: WebhookWorld) -> None:
    paid = kill_while_delivering(world, payments=1800, kills=20)
    assert 2 * len(events_of(paid)) >= 10_000, "to the two endpoints that are well in the end"
    check_deliveries(world, paid)
    # A slow disk, or one endpoint that hangs, must not have made it repeat what was done.
    repeated = len(world.receiver.heard("good")) - len(events_of(paid))
    print(f"{len(events_of(paid))} events to good and flaky, {repeated} of good's were repeated")


def test_two_dispatchers_share_the_partitions_and_one_takes_over_from_the_other(world: WebhookWorld) -> None:
    world.endpoint("good")
    world.dispatcher.start()
    second = world.another_dispatcher("webhooks-1")
    try:
        second.start()
        mine = "directpay_webhooks_partitions"
        eventually(lambda: world.dispatcher.metric(mine) == second.metric(mine) == 4, 60, second.tail)
        paid = world.pay(50)
        eventually(lambda: len(world.receiver.heard("good")) > 50, 60, second.tail)
        world.dispatcher.kill()
        paid += world.pay(50)
        expected = events_of(paid)
        eventually(lambda: world.receiver.accepted("good") == expected, ARRIVE_S_MAX, second.tail)
        check_order(world.receiver.heard("good"))
        assert second.terminate() == 0
    finally:
        second.kill()
