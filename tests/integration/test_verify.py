"""`directpay verify` on a real log and a real database: silent when all is well, and every change by hand is found."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from cli.local_stack.ports import free_port
from directory.changes import DirectoryRecord, State
from directory.entities import KINDS, BankAccount, Entity, Lease, User
from kafka_log.topics_admin import apply_topics
from payments.ledger import bank_account
from payments.payment import Payment, Status
from payments.rejection import Rejection
from projections.migrate import migrate
from projections.verification.faults import Fault, Kind
from projections.verification.verifier import CannotVerify, Summary, verify
from tests.integration.changes_by_hand import CHANGES, Change
from tests.integration.own_broker import OwnBroker
from tests.integration.own_postgres import OwnPostgres
from tests.integration.projected_log import (
    PARTITIONS,
    T0_US,
    WAIT_S_MAX,
    ProjectorProcess,
    Writer,
    deliveries,
    life,
    order,
    wait_until,
)
from tests.unit.projections.test_rows import ENTITIES

COMMAND_S_MAX = 60
PAUSE_S = 0.3
A_ROUND = 50  # Payments that are written in a row.
TABLES = (
    "payments", "payment_events", "ledger_entries", "account_balances", "command_outcomes", "entities", "offsets",
    "daily_payments", "daily_failures", "daily_ledger", "settle_times", "open_payments", "webhook_deliveries",
)  # fmt: skip
DELIVERIES = [delivery for number in range(5) for delivery in deliveries(number)]
LIVES = [life(order("verified", number), number) for number in range(30)]
ACCOUNT = re.compile(r"bank_account:|clearing:|suspense")


def entity_id(entity: Entity) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, repr(entity)))


def entity_record(entity: Entity, version: int) -> DirectoryRecord:
    return DirectoryRecord(
        entity_id=entity_id(entity),
        tenant_id="verified",
        kind=KINDS[type(entity)],
        state=State.ACTIVE,
        version=version,
        created_by=str(uuid.uuid5(uuid.NAMESPACE_OID, "creator")),
        changed_by=str(uuid.uuid5(uuid.NAMESPACE_OID, f"changer {version}")),
        fingerprint=b"f" * 32,
        created_at_us=T0_US,
        updated_at_us=T0_US + version,
        entity=entity,
    )


def refusal(number: int) -> Rejection:
    payment = LIVES[number][0]
    return Rejection(
        topic="payment-commands",
        partition=number % PARTITIONS,
        offset=number,
        key=payment.key,
        reason="idempotency-key-reused",
        detail="bytes \0",
        tenant_id="verified",
        payment_id=payment.payment_id,
        command_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"refused {number}")) if number % 2 else None,
        rejected_at_us=T0_US + number,
        raw=b"\x00\xff",
        raw_bytes=2,
        raw_sha256=b"h" * 32,
    )


def first(is_so: Callable[[Payment], bool]) -> Payment:
    return next(steps[-1] for steps in LIVES if is_so(steps[-1]))


def parameters() -> dict[str, str]:
    completed, other = [steps[-1] for steps in LIVES if steps[-1].status is Status.COMPLETED][:2]
    refused = refusal(1)
    return {
        "completed": completed.payment_id,
        "other": other.payment_id,
        "failed": first(lambda payment: payment.status is Status.FAILED).payment_id,
        "returned": first(lambda payment: payment.status is Status.RETURNED).payment_id,
        "payee": bank_account(completed.head.payee_account_id),
        "refusal": refused.command_id or "",
        "refused": refused.payment_id or "",
        "user": entity_id(next(each for each in ENTITIES if isinstance(each, User))),
        "account": entity_id(next(each for each in ENTITIES if isinstance(each, BankAccount))),
        "lease": entity_id(next(each for each in ENTITIES if isinstance(each, Lease))),
        "delivered": DELIVERIES[0].payment_id,
        "unknown": str(uuid.uuid5(uuid.NAMESPACE_OID, "nobody")),
    }


class Views:
    """A projected log, whose rows may be changed and are put back."""

    def __init__(self, bootstrap: str, uri: str) -> None:
        self.bootstrap = bootstrap
        self.uri = uri
        with self.connect() as connection:
            for table in TABLES:
                connection.execute(f"CREATE TABLE public.kept_{table} AS TABLE projection.{table}".encode())

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.uri, autocommit=True, cursor_factory=psycopg.ClientCursor)

    def verify(self) -> tuple[list[Fault], Summary]:
        faults: list[Fault] = []
        return faults, verify(self.bootstrap, self.uri, tell=faults.append, wait_s=0)

    def change(self, sql: str) -> None:
        with self.connect() as connection, connection.transaction():
            connection.execute(sql.encode(), parameters())

    def restore(self, undo: str = "") -> None:
        with self.connect() as connection, connection.transaction():
            for table in TABLES:
                connection.execute(f"DELETE FROM projection.{table}".encode())
                connection.execute(f"INSERT INTO projection.{table} TABLE public.kept_{table}".encode())
            if undo:
                connection.execute(undo.encode())


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    running = OwnBroker(tmp_path_factory.mktemp("broker"))
    running.start()
    apply_topics(running.bootstrap, PARTITIONS)
    yield running
    running.kill()


@pytest.fixture(scope="module")
def writer(broker: OwnBroker) -> Writer:
    return Writer(broker.bootstrap)


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    running = OwnPostgres()
    running.start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def views(broker: OwnBroker, writer: Writer, postgres: OwnPostgres, tmp_path_factory: pytest.TempPathFactory) -> Views:
    """Thirty payments, every kind of entity, twelve refusals, five deliveries: projected, and the projector gone."""
    for step in range(4):
        writer.write(steps[step] for steps in LIVES if len(steps) > step)
    writer.write([life(order("never", 0), 0)[0]], abort=True)
    writer.write([entity_record(entity, version) for version in (1, 2) for entity in ENTITIES])
    writer.write([refusal(number) for number in range(12)])
    writer.write(DELIVERIES)
    uri = postgres.make_database()
    migrate(uri, analyst_password="analyst")
    folder = tmp_path_factory.mktemp("projector")
    projector = ProjectorProcess(bootstrap=broker.bootstrap, postgres=uri, folder=folder).start()
    projector.wait_ready()
    assert projector.stop() == 0
    return Views(broker.bootstrap, uri)


@pytest.fixture
def changed(views: Views, request: pytest.FixtureRequest) -> Iterator[Views]:
    """The views after a change by hand."""
    change: Change = request.param
    views.change(change.sql)
    yield views
    views.restore(change.undo)


def test_views_that_are_the_log_have_no_faults(views: Views) -> None:
    faults, summary = views.verify()
    assert faults == []
    assert (summary.payments, summary.entities, summary.refusals) == (len(LIVES), len(ENTITIES), 12)
    assert summary.deliveries == len(DELIVERIES)
    assert summary.events == sum(len(steps) for steps in LIVES)
    assert summary.entries > 2 * len(LIVES)


@pytest.mark.parametrize(
    ("changed", "change"), [(each, each) for each in CHANGES], ids=[each.name for each in CHANGES], indirect=["changed"]
)
def test_a_change_by_hand_is_found_and_named(changed: Views, change: Change) -> None:
    faults, _ = changed.verify()
    wanted = {parameters()[name] for name in change.of}
    # A changed row also parts its account's balance and the sums from what is behind them; nobody else is to blame.
    named = {fault.subject for fault in faults}
    beside = {fault.subject for fault in faults if fault.kind is Kind.SUMS or ACCOUNT.match(fault.subject)}
    assert wanted <= named <= wanted | beside, faults
    assert all("mallory@" not in fault.detail for fault in faults), "what a caller wrote is not shown"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE projection.daily_payments SET amount_minor = amount_minor + 1",
        "DELETE FROM projection.daily_failures",
        "UPDATE projection.daily_ledger SET debits_minor = 0",
        "UPDATE projection.settle_times SET count = count + 1",
        "UPDATE projection.leases SET paid_minor = paid_minor + 1",
        """INSERT INTO projection.open_payments
           SELECT payment_id, tenant_id, status, payment_rail_type, currency, amount_minor, initiated_at,
                  expected_settlement_at FROM projection.payments WHERE payment_id = %(completed)s""",
    ],
)
def test_a_sum_that_was_changed_by_hand_is_found(views: Views, change: str) -> None:
    views.change(change)
    try:
        faults, _ = views.verify()
    finally:
        views.restore("UPDATE projection.leases SET paid_minor = paid_minor - 1" if "leases" in change else "")
    assert {fault.kind for fault in faults} == {Kind.SUMS}
    if "%(completed)s" in change:
        assert {fault.subject for fault in faults} == {parameters()["completed"]}


@pytest.mark.parametrize(
    "assignment",
    [
        "log_end = log_end + 1000",
        "log_end = 0",
        "next = next + 1000, log_end = log_end + 1000",
        "checked_at = now() + interval '1 hour'",
        "record_at = record_at - interval '1 second'",
        "record_at = now() + interval '1 hour'",
        "record_at = NULL",
    ],
)
def test_a_freshness_that_cannot_be_is_found(views: Views, assignment: str) -> None:
    views.change(f"UPDATE projection.offsets SET {assignment} WHERE topic = 'payment-events' AND partition = 2")
    try:
        faults, _ = views.verify()
    finally:
        views.restore()
    assert {(fault.kind, fault.subject) for fault in faults} == {(Kind.POSITIONS, "payment-events[2]")}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE projection.offsets SET next = 0 WHERE topic = 'payment-events' AND partition = 2", "is behind"),
        ("DELETE FROM projection.offsets WHERE topic = 'directory-events'", "is behind"),
        ("UPDATE projection.offsets SET topic_id = 'x' WHERE topic = 'payment-events'", "from another topic"),
        ("DELETE FROM projection.migrations WHERE version = 2", "lacks the migrations"),
        ("ALTER TABLE live.payments_generations RENAME COLUMN status TO state", "does not exist"),
    ],
)
def test_what_cannot_be_compared_is_no_verdict(views: Views, sql: str, said: str) -> None:
    with views.connect() as connection:
        kept = connection.execute("SELECT * FROM projection.migrations WHERE version = 2").fetchone()
        connection.execute(sql.encode())
        try:
            with pytest.raises(CannotVerify, match=said):
                views.verify()
        finally:
            views.restore()
            if "migrations" in sql:
                connection.execute("INSERT INTO projection.migrations VALUES (%s, %s, %s, %s)", kept)
            if "RENAME" in sql:
                connection.execute("ALTER TABLE live.payments_generations RENAME COLUMN state TO status")


def run(code: int, *options: str, **variables: str) -> tuple[str, str]:
    """Run the command, expect its exit code, and return what it said on its two outputs."""
    ran = subprocess.run(
        [sys.executable, "-m", "cli.main", "verify", *options],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout, ran.stderr


def test_the_command_says_what_it_found_and_exits_accordingly(views: Views, tmp_path: Path) -> None:
    settings = {"DIRECTPAY_KAFKA": views.bootstrap, "DIRECTPAY_POSTGRES": views.uri}
    (tmp_path / "stack.json").write_text(json.dumps({"kafka": views.bootstrap, "postgres": views.uri}))
    said, _ = run(0, **settings)
    assert said.startswith(f"All promises hold: {len(LIVES)} payments, ")

    views.change("UPDATE projection.payments SET status = 'refunded', description = 'account 123456789'")
    try:
        lines = run(1, "--lines", "2", "--state-dir", str(tmp_path))[0].splitlines()
    finally:
        views.restore()
    ids = sorted(steps[-1].payment_id for steps in LIVES)
    assert [line.partition(": ")[0] for line in lines[: len(ids)]] == ids
    assert "status is 'refunded', the log says '" in lines[1]
    assert lines[2] == f"{ids[2]}: payments"
    assert f" {len(ids)} of payments (2 told in full)" in lines[-2]
    assert "123456789" not in "".join(lines)


def test_without_kafka_postgres_or_settings_the_command_says_so(views: Views, tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    _, said = run(2, DIRECTPAY_KAFKA=nobody, DIRECTPAY_POSTGRES=views.uri)
    assert f"cannot verify: Kafka at {nobody}: " in said
    uri = f"postgresql://directpay:secret-password@{nobody}/directpay"
    _, said = run(2, DIRECTPAY_KAFKA=views.bootstrap, DIRECTPAY_POSTGRES=uri)
    assert "cannot verify: Postgres: " in said
    assert "secret-password" not in said
    assert "DIRECTPAY_POSTGRES is not set" in run(2, DIRECTPAY_KAFKA=views.bootstrap)[1]
    assert "No stack runs on" in run(2, "--state-dir", str(tmp_path / "nothing"))[1]


class Load:
    """Writes lives of payments, and versions of entities, until it is told to stop."""

    def __init__(self, bootstrap: str) -> None:
        self._writer = Writer(bootstrap)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.payments = 0

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for_a_round(self) -> None:
        """Return when a whole round was written since the call: of the one that is under way some may be known."""
        written = self.payments
        wait_until(lambda: self.payments >= written + 2 * A_ROUND)

    def _write(self) -> None:
        for version in itertools.count(3):
            lives = [life(order(f"load-{version}", number), number) for number in range(A_ROUND)]
            for step in range(4):
                self._writer.write(steps[step] for steps in lives if len(steps) > step)
            self._writer.write([lives[0][0]], abort=True)
            self._writer.write([entity_record(entity, version) for entity in ENTITIES])
            self.payments += len(lives)
            # A pace that a projector keeps up with on a machine that does other things, too.
            if self._stop.wait(PAUSE_S):
                return


# The last one: the log has moved on afterwards, and the other tests' views have not.
def test_a_system_that_moves_gives_no_false_alarm(views: Views, postgres: OwnPostgres, tmp_path: Path) -> None:
    uri = postgres.make_database()
    migrate(uri, analyst_password="analyst")
    faults: list[Fault] = []

    def look(wait_s: float = WAIT_S_MAX) -> Summary:
        return verify(views.bootstrap, uri, tell=faults.append, wait_s=wait_s)

    def start() -> ProjectorProcess:
        return ProjectorProcess(bootstrap=views.bootstrap, postgres=uri, folder=tmp_path, batch_records_max=500).start()

    projector = start()
    try:
        with Load(views.bootstrap) as load:
            seen = [look().payments]
            for _ in range(2):
                load.wait_for_a_round()
                seen.append(look().payments)
            projector.pause()
            load.wait_for_a_round()
            with pytest.raises(CannotVerify, match=r"after 0.5 s it has not projected .*payment-events\[\d\]"):
                look(wait_s=0.5)
            projector.resume()
            seen.append(look().payments)
            projector.kill()
            projector = start()
            load.wait_for_a_round()
            seen.append(look().payments)
            load.wait_for_a_round()
        seen.append(look().payments)
    finally:
        projector.resume()
        projector.stop()
    assert faults == []
    assert seen == sorted(set(seen)), "each saw more than the one before"
    assert seen[-1] == len(LIVES) + load.payments
