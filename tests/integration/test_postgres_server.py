"""The local stack's Postgres server keeps the passwords that it is given to itself."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from cli.local_stack.ports import free_port
from cli.local_stack.postgres import PostgresServer
from cli.local_stack.supervisor import Supervisor


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="directpay-postgres-"))
    # For root the server runs as another account, which has to get here.
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_the_owner_s_password_works_and_is_not_in_a_log_of_every_statement(folder: Path) -> None:
    password = f"owner-{uuid.uuid4().hex}"
    log_path = folder / "postgres.log"
    server = PostgresServer(
        folder / "postgres",
        port=free_port(),
        superuser_password=uuid.uuid4().hex,
        owner_password=password,
        log_path=log_path,
    )
    server.prepare()
    component = server.component()
    supervisor = Supervisor(say=print, on_change=lambda: None)
    try:
        supervisor.start([replace(component, argv=(*component.argv, "-c", "log_statement=all"))])
        for _ in range(2):
            server.make_database()
            with psycopg.connect(server.owner_uri) as connection:
                assert connection.execute("SELECT current_user").fetchone() == ("directpay",)
    finally:
        supervisor.stop()
    said = log_path.read_text()
    assert "ALTER ROLE" in said
    assert password not in said
