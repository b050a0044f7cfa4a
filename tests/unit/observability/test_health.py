"""Health and logs of a process, as a probe and a log collector see them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from observability.health import HealthServer


class Process:
    """A process whose readiness the test decides."""

    def __init__(self) -> None:
        self.answer: tuple[bool, dict[str, Any]] | Exception = (True, {"lag": 0})

    def ready(self) -> tuple[bool, dict[str, Any]]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def client(process: Process) -> Iterator[httpx.Client]:
    server = HealthServer(0, process.ready).start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client
    server.stop()


def test_ready_and_unready_are_200_and_503_with_the_details(client: httpx.Client, process: Process) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "lag": 0})
    process.answer = (False, {"lag": 17})
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "unready", "lag": 17})


def test_a_readiness_check_that_fails_means_unready_but_live(client: httpx.Client, process: Process) -> None:
    process.answer = RuntimeError("no broker")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["error"]) == (503, "no broker")
    assert client.get("/health/live").status_code == 200


def test_metrics_are_served_by_name(client: httpx.Client) -> None:
    answer = client.get("/metrics?name[]=python_info")
    assert [line for line in answer.text.splitlines() if not line.startswith("#")] == [
        line for line in client.get("/metrics").text.splitlines() if line.startswith("python_info")
    ]


def test_metrics_are_served_in_prometheus_text(client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert "python_info" in answer.text
    assert client.get("/nothing").status_code == 404


def test_a_port_can_be_taken_again_at_once(process: Process) -> None:
    first = HealthServer(0, process.ready).start()
    httpx.get(f"http://127.0.0.1:{first.port}/health/live")
    port = first.port
    first.stop()
    again = HealthServer(port, process.ready).start()
    assert httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    again.stop()


def test_every_log_is_one_json_line_that_names_the_process() -> None:
    program = """
import logging, structlog
from observability.logs import configure_logging
configure_logging("stream-0", "INFO")
structlog.get_logger("a").info("payment_returned", payment_id="p1", return_code="R01")
logging.getLogger("library").warning("odd %s", "thing", extra={"port": 1})
logging.getLogger("library").debug("not shown")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("a").exception("worker_failed")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, second, third = (json.loads(line) for line in run.stderr.splitlines())
    assert first["event"] == "payment_returned"
    assert (first["payment_id"], first["return_code"], first["process"]) == ("p1", "R01", "stream-0")
    assert (second["event"], second["logger"], second["process"], second["port"]) == (
        "odd thing",
        "library",
        "stream-0",
        1,
    )
    assert second["level"] == "warning"
    assert "ZeroDivisionError" in third["exception"]
    assert logging.getLogger("library").level == logging.NOTSET


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no device that is always full")
def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    program = """
import logging, structlog
from observability.logs import configure_logging
configure_logging("stream-0", "INFO")
structlog.get_logger("a").info("payment_returned")
logging.getLogger("library").warning("odd")
print("worked on", flush=True)
"""
    with Path("/dev/full").open("w") as full:
        run = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, text=True)
    assert run.stdout == "worked on\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loopback interface has one address")
def test_only_the_address_that_was_asked_for_answers(process: Process) -> None:
    server = HealthServer(0, process.ready, host="127.0.0.2").start()
    assert httpx.get(f"http://127.0.0.2:{server.port}/metrics").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{server.port}/metrics")
    server.stop()
