"""How processes are is asked where they tell it; one that says nothing, or nonsense, is down."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ingest_api.process_health import ANSWER_S_MAX, Condition, ProcessHealth, ProcessState
from observability.health import HealthServer
from rails.metrics import IN_HAND
from stream_app.exactly_once.metrics import LAG


@pytest.fixture
def said() -> dict[str, Any]:
    return {"ready": True}


@pytest.fixture
def server(said: dict[str, Any]) -> Iterator[HealthServer]:
    running = HealthServer(0, lambda: (said["ready"], {"instance": "it"})).start()
    yield running
    running.stop()


def states(**urls: str) -> list[ProcessState]:
    return asyncio.run(ProcessHealth(urls).states())


def test_a_process_is_as_it_says_with_what_it_has_to_do(server: HealthServer, said: dict[str, Any]) -> None:
    LAG.labels("payment-commands", "0").set(3)
    LAG.labels("payment-commands", "1").set(4)
    IN_HAND.set(2)
    url = f"http://127.0.0.1:{server.port}"
    (well,) = states(stream=url)
    # Every process of this test is one: the metrics of a gateway and of a worker are the same registry's here.
    assert (well.process, well.condition, well.in_hand) == ("stream", Condition.READY, 2)
    assert well.lag is not None
    assert well.lag >= 7
    said["ready"] = False
    assert [state.condition for state in states(stream=url)] == [Condition.UNREADY]


def test_a_process_that_says_nothing_is_down_and_holds_up_no_other(server: HealthServer) -> None:
    with socket.socket() as paused:
        paused.bind(("127.0.0.1", 0))
        paused.listen()
        silent = f"http://127.0.0.1:{paused.getsockname()[1]}"
        began = time.monotonic()
        told = states(first=silent, well=f"http://127.0.0.1:{server.port}", third=silent)
        assert time.monotonic() - began < 2 * ANSWER_S_MAX
    assert [(state.process, state.condition) for state in told] == [
        ("first", Condition.DOWN), ("well", Condition.READY), ("third", Condition.DOWN),
    ]  # fmt: skip
    assert (told[0].lag, told[0].in_hand) == (None, None)


def test_a_port_at_which_nobody_listens_is_a_process_that_is_down() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert [state.condition for state in states(gone=f"http://127.0.0.1:{port}")] == [Condition.DOWN]
