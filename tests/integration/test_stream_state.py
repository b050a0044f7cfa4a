"""A worker's state on disk: a restart reads a tail; what is wiped, damaged or another's is read from the log."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kafka_log.topics_admin import apply_topics
from payments.payment import Status
from tests.integration.stream_worker import PARTITIONS, Stage, Worker
from tests.integration.test_stream_survives import assert_all_there, send_claims, send_orders

PAYMENTS = 3000


@pytest.fixture
def stage(kafka_bootstrap: str, tmp_path: Path) -> Iterator[Stage]:
    apply_topics(kafka_bootstrap, PARTITIONS)
    stage = Stage(kafka_bootstrap, tmp_path)
    yield stage
    stage.close()


def restored(worker: Worker) -> int:
    """Return how many records the payments lanes of the worker have read to be restored."""
    lines = [line for line in worker.log.read_text().splitlines() if '"lane_restored"' in line and '"payments"' in line]
    assert len(lines) == PARTITIONS
    return sum(int(re.findall(r'"records": (\d+)', line)[0]) for line in lines)


def state_of(stage: Stage) -> Path:
    return stage.folder / "stream-0" / "state"


def wipe(state: Path) -> None:
    shutil.rmtree(state)


def wipe_one(state: Path) -> None:
    shutil.rmtree(state / "payments-3")


def swap(state: Path) -> None:
    """Give one partition's state to another: its offset may even fit, its keys do not."""
    shutil.rmtree(state / "payments-5")
    (state / "payments-4").rename(state / "payments-5")


def overwrite_manifests(state: Path) -> None:
    for manifest in state.glob("payments-*/MANIFEST-*"):
        manifest.write_bytes(os.urandom(2000))


def cut_logs(state: Path) -> None:
    """Lose the newest writes, as a power cut does: what is left is older, and says so."""
    for log in state.glob("payments-*/*.log"):
        os.truncate(log, log.stat().st_size // 2)


@pytest.mark.parametrize("damage", [wipe, wipe_one, swap, overwrite_manifests, cut_logs])
def test_state_that_is_gone_or_damaged_is_read_again(stage: Stage, damage: Callable[[Path], None]) -> None:
    worker = stage.worker().wait_ready()
    send_orders(stage, 0, PAYMENTS)
    stage.wait_decided()
    worker.kill()
    damage(state_of(stage))
    send_claims(stage, 0, PAYMENTS)
    # Each once more: without its state a partition would take them for new.
    send_orders(stage, 0, PAYMENTS)
    worker = stage.worker().wait_ready()
    stage.wait_decided()

    assert_all_there(stage, PAYMENTS, Status.PROCESSING)
    assert not [each for each in stage.rejections() if each.tenant_id == stage.tenant]
    assert restored(worker) > 0


def test_a_restart_with_its_state_reads_no_more_than_a_tail(stage: Stage) -> None:
    worker = stage.worker().wait_ready()
    send_orders(stage, 0, PAYMENTS)
    stage.wait_decided()
    worker.kill()
    worker = stage.worker().wait_ready()

    assert restored(worker) == 0
    send_orders(stage, 0, PAYMENTS)
    stage.wait_decided()
    assert_all_there(stage, PAYMENTS, Status.PENDING)
