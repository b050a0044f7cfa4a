"""Kills, pauses, joins and leaves in the middle of the work: nothing lost, no event twice, every history in order."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from payments.commands import InitiatePayment, RailReport, Report
from payments.payment import Status
from schemas import codec, registry, topics
from schemas.partitioning import partition_of
from tests.integration.stream_worker import PARTITIONS, Stage, Worker, ends, eventually, free_port
from tests.unit.payments.histories import MARCH, SECOND_US, T0_US

PAYMENTS = 2500  # With a claim for each, 5,000 records.
FAIL_STOP = 70


def order_of(stage: Stage, number: int) -> InitiatePayment:
    command_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{stage.tenant}-{number}"))
    return replace(MARCH, tenant_id=stage.tenant, idempotency_key=f"pay-{number}", command_id=command_id)


def claim_of(order: InitiatePayment) -> RailReport:
    return RailReport(
        tenant_id=order.tenant_id,
        idempotency_key=order.idempotency_key,
        attempt=1,
        report=Report.CLAIMED,
        occurred_at_us=T0_US + 5 * SECOND_US,
    )


def send_orders(stage: Stage, first: int, last: int) -> None:
    """Send orders; each tenth twice, each fifth to a partition that is not its own."""
    for number in range(first, last):
        order = order_of(stage, number)
        right = partition_of(order.key, PARTITIONS)
        stage.order(order, partition=(right + 1) % PARTITIONS if number % 5 == 0 else right)
        if number % 10 == 0:
            stage.order(order)
    stage.sent()


def send_claims(stage: Stage, first: int, last: int) -> None:
    for number in range(first, last):
        stage.order(claim_of(order_of(stage, number)))
    stage.sent()


def written(stage: Stage) -> int:
    """Return about how many events there are since the test began, by offsets alone: markers of transactions count."""
    now = ends(stage.bootstrap, topics.PAYMENT_EVENTS.name)
    return sum(now[number] - start for number, start in stage.starts(topics.PAYMENT_EVENTS).items())


def wait_written(stage: Stage, count: int) -> None:
    eventually(lambda: written(stage) >= count, 60, lambda: f"{written(stage)} of {count} events")


def assert_all_there(stage: Stage, count: int, status: Status) -> None:
    histories = stage.histories()
    assert len(histories) == count
    assert {history[-1].status for history in histories.values()} == {status}


def test_kill_9_in_the_middle_loses_nothing_and_writes_nothing_twice(stage: Stage) -> None:
    worker = stage.worker().wait_ready()
    feeding = threading.Thread(target=send_orders, args=(stage, 0, PAYMENTS))
    feeding.start()
    for kill in range(1, 4):
        wait_written(stage, kill * PAYMENTS // 5)
        worker.kill()
        worker = stage.worker()
    feeding.join()
    stage.wait_decided()
    feeding = threading.Thread(target=send_claims, args=(stage, 0, PAYMENTS))
    feeding.start()
    for kill in range(1, 3):
        wait_written(stage, PAYMENTS + kill * PAYMENTS // 4)
        worker.kill()
        worker = stage.worker()
    feeding.join()
    stage.wait_decided()

    assert_all_there(stage, PAYMENTS, Status.PROCESSING)
    assert not [each for each in stage.rejections() if each.tenant_id == stage.tenant]


def test_two_workers_share_the_partitions_and_one_takes_over_when_the_other_is_killed(stage: Stage) -> None:
    one = stage.worker("stream-0").wait_ready(partitions=PARTITIONS)
    two = stage.worker("stream-1")
    for worker in (one, two):
        worker.wait_ready(partitions=PARTITIONS // 2)
    feeding = threading.Thread(target=send_orders, args=(stage, 0, PAYMENTS))
    feeding.start()
    wait_written(stage, PAYMENTS // 5)
    one.kill()
    two.wait_ready(partitions=PARTITIONS)
    third = stage.worker("stream-2")
    for worker in (two, third):
        worker.wait_ready(partitions=PARTITIONS // 2)
    feeding.join()
    send_claims(stage, 0, PAYMENTS)
    stage.wait_decided()

    assert_all_there(stage, PAYMENTS, Status.PROCESSING)


def test_a_worker_that_slept_beyond_its_session_ends_without_writing(stage: Stage) -> None:
    sleeper = stage.worker("stream-0").wait_ready(partitions=PARTITIONS)
    other = stage.worker("stream-1")
    for worker in (sleeper, other):
        worker.wait_ready(partitions=PARTITIONS // 2)
    send_orders(stage, 0, PAYMENTS // 10)
    stage.wait_decided()
    sleeper.signal(signal.SIGSTOP)
    send_orders(stage, PAYMENTS // 10, PAYMENTS)
    other.wait_ready(partitions=PARTITIONS)
    stage.wait_decided()
    sleeper.signal(signal.SIGCONT)

    assert sleeper.wait_exit(10) == FAIL_STOP
    assert_all_there(stage, PAYMENTS, Status.PENDING)


def test_a_stop_under_load_is_quick_and_leaves_nothing_to_repeat(stage: Stage) -> None:
    worker = stage.worker().wait_ready()
    # Every one is refused: a rejection has no memory, so that one decided twice would be there twice.
    for number in range(PAYMENTS):
        stage.order(claim_of(order_of(stage, number)))
    stage.sent()
    eventually(lambda: len(stage.rejections()) > PAYMENTS // 10, 30, worker.tail)
    started = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert worker.wait_exit(10) == 0
    took_s = time.monotonic() - started
    stage.worker()
    stage.wait_decided()

    refused = [each.payment_id for each in stage.rejections() if each.tenant_id == stage.tenant]
    assert sorted(refused, key=str) == sorted((order_of(stage, n).payment_id for n in range(PAYMENTS)), key=str)
    assert took_s < 5


class Registry:
    """A schema registry that can be away, and that knows what it was told."""

    def __init__(self) -> None:
        self.port = free_port()
        self.schemas: dict[int, str] = {}
        self._server: HTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        schemas = self.schemas

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                schema = schemas.get(int(self.path.rpartition("/")[2]))
                body = json.dumps({"error_code": 40403} if schema is None else {"schema": schema}).encode()
                self.send_response(404 if schema is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Requests are not news."""

        self._server = HTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def with_schema_id(value: bytes, schema_id: int) -> bytes:
    return value[:1] + schema_id.to_bytes(4, "big") + value[5:]


def test_an_unknown_schema_holds_its_partition_until_somebody_can_say(stage: Stage) -> None:
    answers = Registry()
    answers.schemas[90_001] = registry.newest_of("io.directpay.InitiatePayment").text
    worker = stage.worker(schema_registry_url=answers.url).wait_ready()
    orders = [order_of(stage, number) for number in range(200)]
    held = partition_of(orders[0].key, PARTITIONS)
    behind = [order for order in orders[1:] if partition_of(order.key, PARTITIONS) == held]
    elsewhere = [order for order in orders if partition_of(order.key, PARTITIONS) != held]
    stage.order(behind[0])
    stage.send(topics.PAYMENT_COMMANDS.name, orders[0].key, with_schema_id(codec.encode(orders[0]), 90_001))
    stage.send(topics.PAYMENT_COMMANDS.name, behind[1].key, with_schema_id(b"\0\0\0\0\0anything", 90_002))
    for order in [*behind[1:], *elsewhere]:
        stage.order(order)
    stage.sent()
    # What is before the record, and every other partition, is decided meanwhile; the worker stays ready.
    eventually(lambda: len(stage.records(topics.PAYMENT_EVENTS)) == 1 + len(elsewhere), 30, worker.tail)

    def waits_while_ready() -> bool:
        health = worker.health() or {}
        return health.get("waiting") == {f"payments-{held}": "schema 90001"} and health.get("status") == "ready"

    eventually(waits_while_ready, 10, worker.tail)
    answers.open()
    stage.wait_decided()
    answers.close()

    assert sorted(stage.histories()) == sorted(order.idempotency_key for order in orders)
    [rejection] = [each for each in stage.rejections() if each.reason == "unknown-schema"]
    assert rejection.key == behind[1].key


def test_a_worker_without_its_topics_or_without_kafka_ends_with_a_reason(tmp_path: Path) -> None:
    nowhere = Worker(
        {
            "bootstrap": f"127.0.0.1:{free_port()}",
            "partitions": PARTITIONS,
            "state_dir": str(tmp_path),
            "instance": "stream-0",
        },
        tmp_path,
    ).start()

    assert nowhere.wait_exit(60) == FAIL_STOP
    assert "start_failed" in nowhere.tail()


@pytest.mark.long
def test_figures_of_one_worker(stage: Stage) -> None:
    """Not a promise: prints how many commands one worker decides in a second, and how long it takes to be back."""
    count = 30_000
    for number in range(count):
        stage.order(order_of(stage, number))
    stage.sent()
    worker = stage.worker()
    wait_written(stage, 1000)
    first, started = written(stage), time.monotonic()
    eventually(lambda: written(stage) >= count, 120, worker.tail)
    rate = (count - first) / (time.monotonic() - started)
    stage.wait_decided()
    worker.kill()
    started = time.monotonic()
    worker = stage.worker().wait_ready()
    ready_s = time.monotonic() - started
    print(json.dumps({"commands_per_s": round(rate), "ready_after_kill_s": round(ready_s, 2), "cpus": os.cpu_count()}))
    assert_all_there(stage, count, Status.PENDING)
