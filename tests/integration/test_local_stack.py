"""`directpay up` for real: Kafka, Postgres and every process of ours, killed, stopped and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from cli.local_stack.kafka_jars import kafka_jars
from cli.local_stack.trouble import DownloadFailed

ROOT = Path(__file__).parents[2]
KINDS = ("kafka", "postgres", "bank", "stream", "rails", "projector", "reconciler", "webhooks", "api")
READY_S_MAX = 120.0
STOP_S_MAX = 60.0


class Up:
    """One `directpay up` process on a folder."""

    def __init__(self, state_dir: Path, *options: str, **variables: str) -> None:
        self.state_dir = state_dir
        self.output = state_dir.with_suffix(".output")
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*directpay("up"), "--state-dir", str(state_dir), "--http-port", "0", *options],
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, **variables},
            )

    @property
    def stack(self) -> dict[str, Any]:
        places: dict[str, Any] = json.loads((self.state_dir / "stack.json").read_text())
        return places

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_ready(self) -> Up:
        file = self.state_dir / "stack.json"
        wait_until(lambda: self.process.poll() is not None or file.exists())
        assert self.process.poll() is None, self.text
        return self

    def pids(self) -> list[int]:
        return [pid for pids in self.stack["pids"].values() for pid in pids]

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_S_MAX)


def directpay(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cli.main", *arguments]


def wait_until(condition: Callable[[], object], bound_s: float = READY_S_MAX) -> None:
    deadline = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.05)


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("stack") / "state", "--rail-speed", "20").wait_ready()
    yield running
    assert running.stop() == 0, running.text


def test_stack_json_says_where_everything_is_and_only_its_owner_reads_it(up: Up) -> None:
    places = up.stack
    assert {"http", "kafka", "postgres", "analyst", "bank", "api_key", "admin_key", "pids", "logs"} <= places.keys()
    assert {kind for kind, pids in places["pids"].items() if pids} == set(KINDS)
    assert (up.state_dir / "stack.json").stat().st_mode & 0o777 == 0o600
    with psycopg.connect(places["analyst"]) as analyst:
        analyst.execute("SELECT count(*) FROM analytics.payments")
    assert ask(places, "users").status_code == 200


def ask(places: dict[str, Any], what: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {places['api_key']}"}
    return httpx.get(f"{places['http']}/api/v1/{what}/", headers=headers, timeout=10)


def test_everything_listens_on_the_loopback_address_only(up: Up) -> None:
    for pid in up.pids():
        listening = [each for each in psutil.Process(pid).net_connections("inet") if each.status == psutil.CONN_LISTEN]
        assert all(each.laddr.ip in ("127.0.0.1", "::1", "::ffff:127.0.0.1") for each in listening), listening


def test_no_secret_is_a_command_line_argument(up: Up) -> None:
    credentials = json.loads((up.state_dir / "credentials.json").read_text())
    lines = [" ".join(psutil.Process(pid).cmdline()) for pid in up.pids()]
    assert all(lines)
    assert not [secret for secret in credentials.values() if any(secret in line for line in lines)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_process_comes_back(up: Up, kind: str) -> None:
    (former,) = up.stack["pids"][kind]
    os.kill(former, signal.SIGKILL)
    wait_until(lambda: len(pids := up.stack["pids"][kind]) == 1 and pids[0] != former)
    wait_until(lambda: subprocess.run(status(up), capture_output=True, cwd=ROOT, check=False).returncode == 0)
    # Views may be unavailable (503) for the moment in which the API connects to the database anew.
    wait_until(lambda: ask(up.stack, "users").status_code == 200, 20)


def test_a_payment_is_sent_and_followed_from_the_terminal(up: Up) -> None:
    command = [*directpay("pay"), "--state-dir", str(up.state_dir), "--amount", "12.34", "--idempotency-key", "by-hand"]
    paid = subprocess.run([*command, "--watch"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert paid.returncode == 0, paid.stderr
    for said in ("201 Created.", "payment_initiated", "pending -> processing", "processing -> completed"):
        assert said in paid.stdout
    again = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "200 This key has a payment" in again.stdout
    reused = subprocess.run([*command, "--rail", "wire"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (reused.returncode, "422" in reused.stderr, "Traceback" in reused.stderr) == (1, True, False)


def status(up: Up, *options: str) -> list[str]:
    return [*directpay("status"), "--state-dir", str(up.state_dir), *options]


def test_status_tells_the_health_of_each_process(up: Up) -> None:
    wait_until(lambda: subprocess.run(status(up), capture_output=True, cwd=ROOT, check=False).returncode == 0)
    run = subprocess.run(status(up, "--json"), capture_output=True, text=True, cwd=ROOT, check=True)
    health = json.loads(run.stdout)["health"]
    assert set(health) == {"bank", "stream-0", "rails", "projector", "reconciler", "webhooks", "api-0"}
    assert {each["status"] for each in health.values()} == {"ready"}


def test_status_of_no_stack_says_how_to_start_one(tmp_path: Path) -> None:
    command = [*directpay("status"), "--state-dir", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 1
    assert "directpay up" in run.stderr


def test_a_second_stack_on_the_same_folder_is_refused(up: Up) -> None:
    command = [*directpay("up"), "--state-dir", str(up.state_dir)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=READY_S_MAX, check=False)
    assert run.returncode == 1
    assert f"Another stack runs on {up.state_dir} (process {up.process.pid})" in run.stderr
    assert "--state-dir" in run.stderr
    assert "Traceback" not in run.stderr
    assert up.stack["pids"]["kafka"], "the refused one must not touch the running one's file"


@pytest.mark.parametrize("option", ["--http-port", "--kafka-port", "--postgres-port"])
def test_a_taken_port_is_refused_in_one_sentence(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [*directpay("up"), "--state-dir", str(tmp_path / "state"), option, str(port)]
        run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=READY_S_MAX, check=False)
    assert run.returncode == 1
    assert f"Port {port} is taken" in run.stderr
    assert option in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("OUTCOME_WAIT=5", "There is no setting DIRECTPAY_OUTCOME_WAIT."),
        ("DIRECTPAY_ADMIN_KEY=x", "is decided by the local stack"),
        ("OUTCOME_WAIT_S", "has no value"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_starts(tmp_path: Path, setting: str, said: str) -> None:
    command = [*directpay("up"), "--state-dir", str(tmp_path / "state"), "--set", setting]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=READY_S_MAX, check=False)
    assert run.returncode == 1
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "state" / "kafka").exists()


def test_two_stacks_run_at_once_and_one_keeps_its_data_over_every_kind_of_end(up: Up, tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    second = Up(state_dir).wait_ready()
    first_pids, places = up.pids(), second.stack
    landlord = {"email": "kept@landlord.example", "password": "correct horse", "role": "landlord"}
    headers = {"Authorization": f"Bearer {places['api_key']}"}
    made = httpx.post(f"{places['http']}/api/v1/users/", json=landlord, headers=headers, timeout=10)
    assert made.status_code == 201, made.text

    # kill -9 of the supervisor: its processes go too, and only its.
    pids = second.pids()
    second.stop(signal.SIGKILL)
    wait_until(lambda: not any(is_running(pid) for pid in pids), 20)
    assert all(is_running(pid) for pid in first_pids)

    assert not (state_dir / "stack.json").exists()

    # The next start finds the data, on the same ports and with the same key; Ctrl-C ends it.
    third = Up(state_dir).wait_ready()
    assert {key: third.stack[key] for key in ("http", "kafka", "postgres", "api_key")} == {
        key: places[key] for key in ("http", "kafka", "postgres", "api_key")
    }
    wait_until(lambda: made.json()["id"] in ask(third.stack, "users").text)
    pids = third.pids()
    assert third.stop(signal.SIGINT) == 0, third.text
    assert not any(is_running(pid) for pid in pids)
    assert not (state_dir / "stack.json").exists()
    assert "Everything is stopped" in third.text


def test_a_download_that_fails_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(DownloadFailed, match="Check the connection"):
        kafka_jars(tmp_path, say=print)
    assert [path.name for path in tmp_path.iterdir()] == ["download.lock"]


@pytest.mark.long
def test_two_cold_starts_at_once_download_once(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from cli.local_stack.kafka_jars import kafka_jars
print(kafka_jars(Path(sys.argv[1]), print))
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    outputs = [run.communicate(timeout=600)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted("Downloaded" in output for output in outputs) == [False, True]
    assert len({output.splitlines()[-1] for output in outputs}) == 1
