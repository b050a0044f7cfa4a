"""New payments that come while a system is busy: one without an answer, or without its end, makes the run void."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.judge import RunDoesNotCount
from bench.new_payments import AT_ONCE, WAITING, Newcomers, NewPayments
from bench.phase import Bench
from bench.system import Post

HOW = Newcomers(rate=40.0, round_s=0.2)


class Desk(ThreadingHTTPServer):
    """Answers 202 to whoever does not wait and 201 to the others; a GET tells `status`."""

    daemon_threads = True
    status = "completed"
    refuses = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(503 if self._desk.refuses else 202 if self.headers["Prefer"] else 201, {})

    def do_GET(self) -> None:
        self._answer(200, {"status": self._desk.status})

    @property
    def _desk(self) -> Desk:
        assert isinstance(self.server, Desk)
        return self.server

    def _answer(self, status: int, payment: Mapping[str, str]) -> None:
        body = json.dumps(payment).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class DeskSystem:
    """A system that is a desk."""

    name = "desk"

    def __init__(self, desk: Desk) -> None:
        self.url = f"http://127.0.0.1:{desk.server_port}"

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def pids(self) -> Sequence[int]:
        return [os.getpid()]

    def single(self, number: int) -> Post:
        return Post(path=f"/{number}", body=b"{}")

    def batch(self, numbers: Sequence[int]) -> Post:
        raise AssertionError("nobody asks for a batch")

    def looked_up(self, number: int) -> Post:
        return Post(path=f"/{number}", method="GET")

    def accepted(self, status: int, body: bytes) -> int:
        return int(status < 300)

    def finished(self) -> int:
        return 0

    def faults(self, accepted: int) -> Mapping[str, int]:
        return {}

    def disk_bytes(self) -> Mapping[str, int]:
        return {}


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def asked(desk: Desk, folder: Path) -> tuple[NewPayments, Bench]:
    system = DeskSystem(desk)
    bench = Bench(system, folder)
    return NewPayments(system, bench, folder, HOW), bench


def test_every_other_caller_waits_and_all_are_counted(desk: Desk, tmp_path: Path) -> None:
    new, bench = asked(desk, tmp_path)
    new.for_a_round()
    new.for_a_round()
    new.require_completed()
    figures = new.figures()
    assert figures["answers"] == {"201": 8, "202": 8}
    assert bench.accepted == 16
    assert all(figures["latency_ms"][way]["p50"] > 0 for way in (WAITING, AT_ONCE))


def test_one_that_is_not_answered_makes_the_run_void(desk: Desk, tmp_path: Path) -> None:
    new, _ = asked(desk, tmp_path)
    desk.refuses = True
    with pytest.raises(RunDoesNotCount, match="503"):
        new.for_a_round()


def test_one_that_is_not_completed_makes_the_run_void(desk: Desk, tmp_path: Path) -> None:
    new, _ = asked(desk, tmp_path)
    new.for_a_round()
    desk.status = "processing"
    with pytest.raises(RunDoesNotCount, match="processing"):
        new.require_completed()
