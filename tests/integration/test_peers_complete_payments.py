"""Each peer takes payments, one by one and in batches, to `completed` with three rows of history, and a key once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from bench.peers.faust_topology.system import FaustTopology
from bench.peers.quix.system import Quix
from bench.peers.seed_design.system import SeedDesign
from bench.system import Post, System

# Minutes of a machine, for what is measured and not for what is promised.
pytestmark = pytest.mark.long

SINGLES, BATCHES, BATCH = 100, 5, 40
ALL = SINGLES + BATCHES * BATCH
FINISHED_S_MAX = 600.0
AT_ONCE = 8


@pytest.mark.long
@pytest.mark.timeout(1800)  # The first time, each installs its packages.
@pytest.mark.parametrize("design", [SeedDesign, FaustTopology, Quix])
def test_every_payment_is_completed_once(design: Callable[[Path], System], tmp_path: Path) -> None:
    system = design(tmp_path)
    system.start()
    try:
        posts = [system.single(number) for number in range(SINGLES)]
        posts += [system.batch(range(first, first + BATCH)) for first in range(SINGLES, ALL, BATCH)]
        assert sent(system, posts) == ALL
        # The same again, alone and inside a batch with a new one.
        assert sent(system, [system.single(0), system.batch([1, SINGLES, ALL])]) == 4
        wait_finished(system, ALL + 1)
        assert set(system.faults(ALL + 1).values()) == {0}
        assert system.faults(ALL + 2)["lost"] == 1
        assert all(size > 0 for size in system.disk_bytes().values())
        pids = system.pids()
        assert len(pids) > 3
    finally:
        system.stop()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def sent(system: System, posts: list[Post]) -> int:
    with httpx.Client(base_url=system.url, timeout=300) as client, ThreadPoolExecutor(AT_ONCE) as threads:

        def send(post: Post) -> int:
            answer = client.post(post.path, content=post.body, headers=dict(post.headers))
            return system.accepted(answer.status_code, answer.content)

        return sum(threads.map(send, posts))


def wait_finished(system: System, count: int) -> None:
    give_up_at = time.monotonic() + FINISHED_S_MAX
    while (finished := system.finished()) < count:
        assert time.monotonic() < give_up_at, f"{finished} of {count}"
        time.sleep(0.2)
