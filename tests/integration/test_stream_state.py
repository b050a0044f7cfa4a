"""A worker's state on disk: a restart reads a tail; what is wiped, damaged or another's is read from the log."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from msgspec.structs import replace

from kafka_log.topics_admin import apply_topics
from payments.payment import Status
from tests.integration.stream_worker import PARTITIONS, Stage, Worker
from tests.integration.test_stream_survives import FAIL_STOP, assert_all_there, order_of, send_claims, send_orders

PAYMENTS = 3000
STOPS_S_MAX = 60.0


def restored(worker: Worker) -> int:
    """Return how many records the payments lanes of the worker have read to be restored."""
    lines = [line for line in worker.log.read_text().splitlines() if '"lane_restored"' in line and '"payments"' in line]
    assert len(lines) == PARTITIONS
    return sum(int(re.findall(r'"records": (\d+)', line)[0]) for line in lines)


def state_of(stage: Stage) -> Path:
    return stage.folder / "stream-0" / "state"


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Put a disk of its own under the folder; skips the test where only root of the real machine may do that."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave no room on the disk; return the file that takes it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while has_room(file):
            continue
    return filler


def has_room(file: IO[bytes]) -> bool:
    try:
        file.write(bytes(4096))
    except OSError as error:
        return error.errno != errno.ENOSPC
    return True


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


def keep(_state: Path) -> None:
    """Nothing is lost but the group's offsets."""


@pytest.mark.parametrize("damage", [keep, wipe])
def test_what_the_log_tells_is_decided_is_not_decided_again_when_the_broker_has_lost_the_groups_offsets(
    stage: Stage, damage: Callable[[Path], None]
) -> None:
    worker = stage.worker().wait_ready()
    send_orders(stage, 0, PAYMENTS // 10)
    for number in range(PAYMENTS // 10):
        # Refused; decided again, each of them would be refused, and told, a second time.
        stage.order(replace(order_of(stage, number), amount_minor=1, command_id=str(uuid.uuid4())))
    stage.sent()
    stage.wait_decided()
    send_claims(stage, 0, PAYMENTS // 10)
    stage.wait_decided()
    worker.kill()
    damage(state_of(stage))
    stage.forget_offsets()
    worker = stage.worker().wait_ready()
    send_orders(stage, PAYMENTS // 10, PAYMENTS // 5)
    send_claims(stage, 0, PAYMENTS // 10)
    stage.wait_decided()

    statuses = Counter(history[-1].status for history in stage.histories().values())
    assert statuses == {Status.PROCESSING: PAYMENTS // 10, Status.PENDING: PAYMENTS // 10}
    assert len([each for each in stage.rejections() if each.tenant_id == stage.tenant]) == PAYMENTS // 10
    assert '"offsets_behind_the_log"' in worker.log.read_text()


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


def test_a_worker_whose_disk_is_full_stops_and_goes_on_from_its_state_when_there_is_room(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    apply_topics(kafka_bootstrap, PARTITIONS)
    with small_disk(tmp_path / "stream-0"):
        stage = Stage(kafka_bootstrap, tmp_path)
        try:
            worker = stage.worker().wait_ready()
            send_orders(stage, 0, PAYMENTS // 2)
            stage.wait_decided()
            filler = fill(tmp_path / "stream-0")
            send_orders(stage, PAYMENTS // 2, PAYMENTS)
            # What it was writing is committed and not in its state. As often as it is started, it stops again.
            assert worker.wait_exit(STOPS_S_MAX) == FAIL_STOP
            assert stage.worker().wait_exit(STOPS_S_MAX) == FAIL_STOP
            filler.unlink()
            worker = stage.worker().wait_ready()
            stage.wait_decided()

            assert_all_there(stage, PAYMENTS, Status.PENDING)
            assert not [each for each in stage.rejections() if each.tenant_id == stage.tenant]
            assert 0 < restored(worker) < PAYMENTS // 2, "its state was kept, and read on from where it was"
        finally:
            stage.close()
