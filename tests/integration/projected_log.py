"""A log to project and what it must become: events as the stream app writes them, a projector process, and the fold of
the log that the views are compared with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Producer
from msgspec import structs

from cli.local_stack.ports import free_port
from directory.changes import DirectoryRecord, State
from directory.entities import Kind, Property
from kafka_log.reader import LogReader
from payments.commands import InitiatePayment, Order, RailReport, Report
from payments.decision import Moved
from payments.ledger import Direction, postings
from payments.lifecycle import decide
from payments.payment import Payment
from payments.rejection import Rejection
from projections.rollup_checks import inconsistencies
from schemas.codec import decode, encode, event_headers
from schemas.deliveries import WebhookDelivery
from schemas.partitioning import partition_of
from schemas.topics import DIRECTORY_EVENTS, PAYMENT_EVENTS, PAYMENT_REJECTIONS, WEBHOOK_DELIVERIES
from tests.unit.projections.deliveries import DELIVERED, RETRYING

PARTITIONS = 4
T0_US = 1_740_061_920_000_000
WAIT_S_MAX = 90.0

RUN = """
import json, sys
from observability.logs import configure_logging
from projections.projector import ProjectorConfig, run
configure_logging("projector", "DEBUG")
run(ProjectorConfig(**json.loads(sys.argv[1])))
"""


def order(tenant_id: str, number: int, **terms: Any) -> InitiatePayment:
    """Return one of many orders of a tenant."""
    return InitiatePayment(
        **{
            "command_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{tenant_id}:{number}")),
            "tenant_id": tenant_id,
            "idempotency_key": f"rent-{number}",
            "lease_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"lease-{number % 7}")),
            "payer_account_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"payer-{number % 7}")),
            "payee_account_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"payee-{number % 3}")),
            "amount_minor": 100_000 + number,
            "payment_rail_type": ("instant", "wire", "same_day_ach", "standard_ach")[number % 4],
            "description": "tab\there, back\\slash, \\N, newline\n, ünïcode 家賃" if number % 5 == 0 else None,
            "metadata_json": '{"note":"back\\\\slash \\"quoted\\" and \\ttab"}' if number % 5 == 0 else "{}",
            "requested_at_us": T0_US + number * 1000,
            **terms,
        }
    )


def report(payment: InitiatePayment, said: Report, *, after_us: int, code: str | None = None) -> RailReport:
    return RailReport(
        tenant_id=payment.tenant_id,
        idempotency_key=payment.idempotency_key,
        attempt=1,
        report=said,
        occurred_at_us=payment.requested_at_us + after_us,
        code=code,
        reason="why\tnot\\" if code else None,
    )


def life(first: InitiatePayment, number: int) -> list[Payment]:
    """Return a payment after each of its transitions: most complete, some fail, some are returned."""
    orders: list[Order] = [first, report(first, Report.CLAIMED, after_us=10)]
    match number % 5:
        case 0:
            orders.append(report(first, Report.REJECTED, after_us=20, code="R03"))
        case 1:
            orders.append(report(first, Report.SETTLED, after_us=20))
            orders.append(report(first, Report.RETURNED, after_us=30, code="R01"))
        case _:
            orders.append(report(first, Report.SETTLED, after_us=20))
    return _after_each(orders)


def steps(
    first: InitiatePayment, *said: Report, after_us: tuple[int, ...] = (10, 20, 30), code: str = "R01"
) -> list[Payment]:
    """Return a payment after its command and after each report that is `said` of it."""
    refusing = (Report.REJECTED, Report.RETURNED)
    return _after_each(
        [
            first,
            *(
                report(first, it, after_us=at_us, code=code if it in refusing else None)
                for it, at_us in zip(said, after_us, strict=False)
            ),
        ]
    )


def _after_each(orders: list[Order]) -> list[Payment]:
    payment: Payment | None = None
    after = []
    for asked in orders:
        decision = decide(asked, payment)
        assert isinstance(decision, Moved)
        payment = decision.payment
        after.append(payment)
    return after


def entity(version: int, entity_id: str) -> DirectoryRecord:
    return DirectoryRecord(
        entity_id=entity_id,
        tenant_id="demo",
        kind=Kind.PROPERTY,
        state=State.ACTIVE if version == 1 else State.REVOKED,
        version=version,
        created_by=str(uuid.uuid4()),
        changed_by=str(uuid.uuid4()),
        fingerprint=b"f" * 32,
        created_at_us=T0_US,
        updated_at_us=T0_US + version,
        entity=Property(owner_id=str(uuid.uuid4()), address="1 High\tStreet"),
    )


def rejection(offset: int, *, command_id: str | None) -> Rejection:
    return Rejection(
        topic="payment-commands",
        partition=offset % PARTITIONS,
        offset=offset,
        key="demo:k",
        reason="undecodable" if command_id is None else "payment-unknown",
        detail="bytes \0 and \ud800".encode("utf-8", "replace").decode(),
        command_id=command_id,
        rejected_at_us=T0_US + offset,
        raw=b"\x00\xff",
        raw_bytes=2,
        raw_sha256=b"h" * 32,
    )


def deliveries(number: int) -> list[WebhookDelivery]:
    """Return two attempts to deliver an event to an endpoint, of a moment ago: what is old is not kept."""
    now_us = time.time_ns() // 1000
    payment_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"delivered {number}"))
    first = structs.replace(RETRYING, payment_id=payment_id, attempted_at_us=now_us, next_attempt_at_us=now_us + 1)
    second = structs.replace(DELIVERED, payment_id=payment_id, attempt=2, tries=2, attempted_at_us=now_us + 2)
    return [first, second]


Logged = Payment | Rejection | DirectoryRecord | WebhookDelivery


class Writer:
    """Writes to the log as the stream app does: in transactions, some of which are aborted."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "transactional.id": f"writer-{uuid.uuid4()}", "linger.ms": 5}
        )
        self._producer.init_transactions(30)

    def write(self, values: Iterable[Logged], *, abort: bool = False) -> None:
        """Write the values in one transaction, and commit it."""
        self._producer.begin_transaction()
        for value in values:
            self._produce(value)
        self._producer.flush(30)
        if abort:
            self._producer.abort_transaction(30)
        else:
            self._producer.commit_transaction(30)

    def write_bytes(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        self._producer.begin_transaction()
        self._producer.produce(topic, value=value, key=key, partition=partition)
        self._producer.commit_transaction(30)

    def _produce(self, value: Logged) -> None:
        headers: list[tuple[str, str | bytes | None]] = []
        match value:
            case Payment():
                topic, key = PAYMENT_EVENTS.name, value.payment_id
                headers.extend(event_headers(value))
                partition = partition_of(value.key, PARTITIONS)
            case Rejection():
                topic, key, partition = PAYMENT_REJECTIONS.name, value.key or "", value.partition
            case DirectoryRecord():
                topic, key = DIRECTORY_EVENTS.name, value.entity_id
                partition = partition_of(key, PARTITIONS)
            case WebhookDelivery():
                topic, key = WEBHOOK_DELIVERIES.name, value.endpoint_id
                partition = partition_of(value.payment_id, PARTITIONS)
        while True:
            try:
                self._producer.produce(topic, value=encode(value), key=key, headers=headers, partition=partition)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return


class ProjectorProcess:
    """One projector as a process of its own; its log is a file in `folder`."""

    def __init__(
        self, *, bootstrap: str, postgres: str, folder: Path, instance: str = "projector-0", **more: Any
    ) -> None:
        self._config = {
            "bootstrap": bootstrap,
            "postgres": postgres,
            "partitions": PARTITIONS,
            "instance": instance,
            "health_port": free_port(),
            "group_id": f"projector-{postgres.rpartition('/')[2]}",
            **more,
        }
        self._log_path = folder / f"{instance}-{uuid.uuid4().hex[:6]}.log"
        self.process: subprocess.Popen[bytes]

    def start(self) -> ProjectorProcess:
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, json.dumps(self._config)], stdout=log, stderr=log
            )
        return self

    def wait_ready(self) -> None:
        wait_until(lambda: self.health()[0] == 200, self)

    def health(self) -> tuple[int, dict[str, Any]]:
        url = f"http://127.0.0.1:{self._config['health_port']}/health/ready"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        return self.process.wait(30)

    def said(self) -> str:
        return self._log_path.read_text()


def wait_until(is_so: Any, projector: ProjectorProcess | None = None, *, wait_s: float = WAIT_S_MAX) -> None:
    """Return when `is_so()`; fail, with what the projector said, when that takes too long."""
    deadline = time.monotonic() + wait_s
    while not is_so():
        said = projector.said()[-4000:] if projector else ""
        assert time.monotonic() < deadline, f"not so within {wait_s} s\n{said}"
        time.sleep(0.02)


@dataclass
class Books:
    """Everything that the views say, or that the log says they must: comparable as a whole."""

    payments: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    events: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    ledger: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    entities: dict[str, int] = field(default_factory=dict)
    # Sums that are not what the rows say, at any commit.
    wrong_sums: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)


def books_of_log(bootstrap: str) -> Books:
    """Return what the whole log, as it is now, must look like in the views."""
    newest: dict[str, Payment] = {}
    books = Books()
    for value in committed_values(bootstrap):
        if isinstance(value, Payment):
            known = newest.get(value.payment_id)
            if known is None or known.last.sequence < value.last.sequence:
                newest[value.payment_id] = value
        elif isinstance(value, Rejection):
            books.refusals[value.command_id or f"{value.topic}/{value.partition}/{value.offset}"] = value.reason
        elif isinstance(value, DirectoryRecord):
            books.entities[value.entity_id] = max(books.entities.get(value.entity_id, 0), value.version)
    for payment_id, payment in newest.items():
        head = payment.head
        books.payments[payment_id] = (
            payment.last.sequence, payment.status.value, head.amount_minor, head.description, head.metadata_json,
            payment.updated_at_us, payment.failure.reason if payment.failure else None,
        )  # fmt: skip
        for transition in payment.transitions:
            event = (
                payment_id,
                transition.sequence,
                transition.event_type.value,
                transition.hash,
                transition.occurred_at_us,
            )
            books.events[event] += 1
            for line in postings(head, transition):
                books.ledger[payment_id, transition.sequence, line.line, line.account, line.amount_minor] += 1
                signed = line.amount_minor if line.direction is Direction.CREDIT else -line.amount_minor
                account = (head.tenant_id, line.account)
                books.balances[account] = books.balances.get(account, 0) + signed
    return books


def committed_values(bootstrap: str) -> list[object]:
    """Return every committed value of the projected topics, each partition in its order."""
    reader = LogReader(bootstrap, client_id=f"fold-{uuid.uuid4()}")
    values: list[object] = []
    try:
        ends = {
            (topic, partition): end
            for topic in (PAYMENT_EVENTS.name, PAYMENT_REJECTIONS.name, DIRECTORY_EVENTS.name)
            for partition, end in reader.end_offsets(topic).items()
        }
        reader.assign(dict.fromkeys(ends, 0))
        deadline = time.monotonic() + WAIT_S_MAX
        while any(reader.positions[place] < end for place, end in ends.items()):
            assert time.monotonic() < deadline
            values += [decode(message.value()) for message in reader.read(10_000, 0.2)]
    finally:
        reader.close()
    return values


def books_of_views(uri: str) -> Books:
    """Return what the views say, in one snapshot."""
    us = "(extract(epoch FROM {}) * 1000000)::bigint"
    with psycopg.connect(uri, autocommit=True) as connection:
        wrong_sums = inconsistencies(connection)
    with psycopg.connect(uri) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

        def rows(query: str) -> list[Any]:
            return connection.execute(query.encode()).fetchall()

        return Books(
            payments={
                row[0]: row[1:]
                for row in rows(
                    "SELECT payment_id::text, sequence, status, amount_minor, description, metadata_json, "
                    f"{us.format('updated_at')}, failure_reason FROM projection.payments"
                )
            },
            events=Counter(
                rows(
                    "SELECT payment_id::text, sequence, event_type, hash, "
                    f"{us.format('occurred_at')} FROM analytics.payment_events"
                )
            ),
            ledger=Counter(
                rows(
                    "SELECT payment_id::text, sequence, line, account, (amount * 100)::bigint "
                    "FROM analytics.ledger_entries"
                )
            ),
            balances={
                (row[0], row[1]): row[2]
                for row in rows("SELECT tenant_id, account, (balance * 100)::bigint FROM analytics.account_balances")
            },
            refusals=dict(rows("SELECT outcome_key, reason FROM projection.command_outcomes")),
            entities=dict(rows("SELECT entity_id, version FROM projection.entities")),
            wrong_sums=wrong_sums,
        )


def transitions_in(uri: str) -> int:
    with psycopg.connect(uri) as connection:
        row = connection.execute("SELECT count(*) FROM projection.payment_events").fetchone()
    assert row is not None
    return int(row[0])
