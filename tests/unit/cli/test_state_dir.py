"""The folder of a stack: one owner, private secrets, stable ports, no leftovers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cli.local_stack import state_dir as state_dir_module
from cli.local_stack.ports import HOST, Ports, free_port, is_free
from cli.local_stack.state_dir import StateDir
from cli.local_stack.trouble import DiskFull, PortTaken, StackError, StateDirInUse, explained, log_tail


def test_a_folder_has_one_stack_at_a_time(tmp_path: Path) -> None:
    first, second = StateDir(tmp_path / "state"), StateDir(tmp_path / "state")
    first.open()
    with pytest.raises(StateDirInUse, match=f"process {os.getpid()}"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    state.open()
    made = state.credentials()
    assert state.credentials() == made
    assert (tmp_path / "state" / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o066 == 0
    state.close()


def test_processes_of_a_killed_run_are_ended_at_the_next_start(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    state.open()
    leftover = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    state.remember_pids({"kafka": leftover.pid})
    state.close()
    state.open()
    assert not psutil.pid_exists(leftover.pid)
    leftover.wait()
    state.close()


def test_a_foreign_process_that_got_the_pid_is_left_alone(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    state.open()
    foreign = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    noted = {"kafka": {"pid": foreign.pid, "created": psutil.Process(foreign.pid).create_time() - 3600}}
    (tmp_path / "state" / "pids.json").write_text(json.dumps(noted))
    state.close()
    state.open()
    assert foreign.poll() is None
    state.close()
    foreign.kill()
    foreign.wait()


def test_too_little_space_is_refused_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_dir_module, "FREE_BYTES_MIN", 2**80)
    with pytest.raises(DiskFull, match=r"Only .* MiB are left"):
        StateDir(tmp_path / "state").open()


def test_a_full_disk_and_a_forbidden_folder_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DiskFull), explained(tmp_path):
        raise OSError(28, "No space left on device")
    with pytest.raises(StackError, match="cannot be written"), explained(tmp_path):
        raise PermissionError(13, "Permission denied", str(tmp_path / "x"))


def test_a_wanted_port_that_is_taken_is_refused_by_name(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as server:
        taken = server.getsockname()[1]
        assert not is_free(taken)
        with pytest.raises(PortTaken, match=f"Port {taken} is taken.*--http-port"):
            Ports(tmp_path / "ports.json").take("http", taken, "--http-port")


def test_a_found_port_stays_the_same_while_it_is_free(tmp_path: Path) -> None:
    first = Ports(tmp_path / "ports.json").take("kafka", 0, "")
    assert Ports(tmp_path / "ports.json").take("kafka", 0, "") == first
    with socket.create_server((HOST, first)):
        assert Ports(tmp_path / "ports.json").take("kafka", 0, "") != first


def test_ports_of_one_stack_differ(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json")
    assert len({ports.take(f"stream-{number}", 0, "") for number in range(50)}) == 50


def test_found_ports_are_outside_the_range_of_outgoing_connections() -> None:
    # There, a client that retries while the server is down can connect to itself and keep the server's port.
    assert all(1024 < free_port() < 32768 for _ in range(50))


def test_the_end_of_a_log_is_shown_whatever_it_contains(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert log_tail(log) == "(no log)"
    log.write_bytes(b"")
    assert log_tail(log) == "(the log is empty)"
    log.write_bytes(b"first\n" + b"\xff\n" * 100 + b"last\n")
    assert log_tail(log, 2).splitlines()[-1] == "last"
