"""What happens when something goes wrong inside of a worker's process, as the oracle sees it afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from chaos.oracle.violation import Kind
from schemas.topics import PAYMENT_COMMANDS
from stream_app.exactly_once.lanes import Lanes
from stream_app.exactly_once.records import Fetch
from stream_app.exactly_once.transactions import WorkerTransactions
from tests.integration.lane_stories import PAYMENTS
from tests.integration.real_lane import new_stage, orders_of, violations
from tests.integration.stream_worker import START_S_MAX, eventually
from tests.integration.test_stream_faults import decide_all
from tests.integration.test_stream_survives import claim_of

Change = Callable[[pytest.MonkeyPatch], None]

log = structlog.get_logger()


def the_second_fetch_is_lost(patch: pytest.MonkeyPatch) -> None:
    """Change a worker so that what it fetches next after its first fetch of commands never comes to its lane."""
    sound = Lanes.take

    def take(lanes: Lanes, fetch: Fetch) -> None:
        if fetch.topic == PAYMENT_COMMANDS.name and fetch.number == 1:
            log.warning("fetch_lost")
            return
        sound(lanes, fetch)

    patch.setattr(Lanes, "take", take)


def it_is_killed_at_its_first_commit(patch: pytest.MonkeyPatch) -> None:
    """Change a worker so that it is gone as soon as Kafka has committed a transaction of a lane."""
    sound = WorkerTransactions.commit

    def commit(transactions: WorkerTransactions, *what: Any) -> None:
        sound(transactions, *what)
        os.kill(os.getpid(), signal.SIGKILL)

    patch.setattr(WorkerTransactions, "commit", commit)


def a_worker_is_killed_at_its_first_commit(bootstrap: str, folder: Path, *changes: Change) -> set[Kind]:
    """All that it decides is refused: a refusal leaves no state by which it would be known again."""
    stage = new_stage(bootstrap, folder)
    try:
        for order in orders_of(stage, PAYMENTS):
            stage.order(claim_of(order))
        stage.sent()
        killed = stage.worker(changed_by=_places(it_is_killed_at_its_first_commit, *changes))
        assert killed.wait_exit(START_S_MAX) == -signal.SIGKILL, killed.tail()
        decide_all(stage, stage.worker(changed_by=_places(*changes)))
        assert len(stage.rejections()) >= PAYMENTS
        return violations(stage, ())
    finally:
        stage.close()


def a_fetch_is_lost_on_its_way_to_a_lane(bootstrap: str, folder: Path, *changes: Change) -> set[Kind]:
    """One order a fetch, of which the second is lost; a worker that ends is started again, as a supervisor does."""
    stage = new_stage(bootstrap, folder)
    orders = orders_of(stage, 3)
    try:
        worker = stage.worker(changed_by=_places(the_second_fetch_is_lost, *changes)).wait_ready()

        def send(number: int) -> None:
            stage.order(orders[number])
            stage.sent()

        send(0)
        stage.wait_decided()
        send(1)
        eventually(lambda: "fetch_lost" in worker.tail(), 30, worker.tail)
        send(2)
        decide_all(stage, worker)
        return violations(stage, orders)
    finally:
        stage.close()


def _places(*changes: Change) -> list[Any]:
    return [f"{change.__module__}:{change.__name__}" for change in changes]
