"""Whole systems take turns there and back; a peer that cannot start is missing, a wrong run does not count."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.end_to_end_stage import CannotStart, Measure, end_to_end_stage
from bench.judge import RunDoesNotCount
from bench.system import Post

# Minutes of a machine, for what is measured and not for what is promised.
pytestmark = pytest.mark.long

SMALL = Measure(seconds=0.2, warm_up_s=0.2, rate=50.0, batch=3, batch_connections=1, connections=2)


class Answers(BaseHTTPRequestHandler):
    """Accepts every payment of a body, which is a JSON list of numbers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        numbers = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        assert isinstance(server, Desk)
        with server.lock:
            server.finished.update(numbers)
        body = json.dumps(numbers).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Desk(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.lock = threading.Lock()
        self.finished: set[int] = set()


class FakeSystem:
    """A system in this process; `wrong` is what its oracle finds."""

    wrong: Mapping[str, int] = {"lost": 0}

    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self.url = ""
        self._journal = journal

    def start(self) -> None:
        self._desk = Desk()
        self.url = f"http://127.0.0.1:{self._desk.server_port}"
        threading.Thread(target=self._desk.serve_forever, daemon=True).start()
        self._journal.append(self.name)

    def stop(self) -> None:
        self._desk.shutdown()
        self._desk.server_close()

    def pids(self) -> Sequence[int]:
        return [os.getpid()]

    def single(self, number: int) -> Post:
        return self.batch([number])

    def batch(self, numbers: Sequence[int]) -> Post:
        return Post(path="/", body=json.dumps(list(numbers)).encode())

    def accepted(self, status: int, body: bytes) -> int:
        return len(json.loads(body)) if status == 201 else 0

    def finished(self) -> int:
        with self._desk.lock:
            return len(self._desk.finished)

    def faults(self, accepted: int) -> Mapping[str, int]:
        return {**self.wrong, "not_finished": accepted - self.finished()}

    def disk_bytes(self) -> Mapping[str, int]:
        return {"memory": 100 * self.finished()}


class Broken(FakeSystem):
    """One that does not start."""

    def start(self) -> None:
        raise RuntimeError("its program is not installed")

    def stop(self) -> None:
        self._journal.append(f"{self.name} stopped")


class Losing(FakeSystem):
    """One whose oracle misses a payment."""

    wrong: Mapping[str, int] = {"lost": 1}


def test_systems_are_measured_in_turns_and_a_peer_that_does_not_count_is_missing_with_its_reason(
    tmp_path: Path,
) -> None:
    journal: list[str] = []
    figures = end_to_end_stage(
        [lambda _: FakeSystem("ours", journal)],
        tmp_path,
        SMALL,
        lambda _: None,
        peers=[
            lambda _: FakeSystem("peer", journal),
            lambda _: Broken("absent", journal),
            lambda _: Losing("losing", journal),
        ],
    )
    assert journal == ["ours", "peer", "absent stopped", "losing", "peer", "ours"]
    assert figures["missing"] == {
        "absent": "absent: its program is not installed",
        "losing": "losing: {'lost': 1}",
    }
    assert set(figures["beside"]) == {"peer"}
    assert figures["beside"]["peer"]["single"]["ratio_worst"] > 0
    first = figures["turns"][0]["phases"]
    assert set(first) == {"batch", "single", "single_at_rate", "single_at_rate_async"}
    assert first["batch"]["payments"] % 3 == 0
    assert first["single_at_rate"]["payments"] == first["single_at_rate"]["answers"]["201"]
    assert first["single"]["disk_bytes"] == {"memory": 100}
    assert first["single"]["cpu_us"] > 0


def test_ours_has_to_start(tmp_path: Path) -> None:
    with pytest.raises(CannotStart):
        end_to_end_stage([lambda _: Broken("ours", [])], tmp_path, SMALL, lambda _: None)


def test_forms_of_ours_take_turns_and_each_has_to_count(tmp_path: Path) -> None:
    journal: list[str] = []
    one, two = (lambda _: FakeSystem("ours", journal)), (lambda _: FakeSystem("ours, 2 workers", journal))
    figures = end_to_end_stage([one, two], tmp_path, SMALL, lambda _: None)
    assert journal == ["ours", "ours, 2 workers", "ours, 2 workers", "ours"]
    assert set(figures["beside"]) == {"ours, 2 workers"}
    with pytest.raises(RunDoesNotCount):
        end_to_end_stage([one, lambda _: Losing("ours, 2 workers", [])], tmp_path, SMALL, lambda _: None)


def test_a_turn_in_which_the_oracle_finds_anything_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(RunDoesNotCount, match="lost"):
        end_to_end_stage([lambda _: Losing("ours", [])], tmp_path, SMALL, lambda _: None)
