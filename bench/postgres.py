"""A Postgres of the bench's own, with the settings of `directpay up`."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from cli.local_stack.ports import free_port
from cli.local_stack.postgres import PostgresServer
from projections.migrate import migrate

STOP_S_MAX = 30.0
# Filling takes minutes instead of hours: for what only reads when it is measured.
UNSAFE = ("-c", "fsync=off", "-c", "max_wal_size=8GB")


class Database:
    """A running server with an empty database at `owner_uri`, which makes others. `pid` is its first process."""

    def __init__(self, owner_uri: str, pid: int) -> None:
        self.owner_uri = owner_uri
        self.pid = pid

    def make(self) -> str:
        """Return the URI of a new database that is migrated, and nothing was projected into it."""
        name = f"bench_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.owner_uri, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        uri = f"{self.owner_uri.rpartition('/')[0]}/{name}"
        migrate(uri, analyst_password=uuid.uuid4().hex)
        return uri


@contextmanager
def postgres(folder: Path, *options: str) -> Iterator[Database]:
    """Give a server in `folder`, with options of its command line, that lives as long as this."""
    # For root the server runs as another account, which has to get here.
    folder.chmod(0o711)
    log_path = folder / "postgres.log"
    server = PostgresServer(
        folder / "postgres",
        port=free_port(),
        superuser_password=uuid.uuid4().hex,
        owner_password=uuid.uuid4().hex,
        log_path=log_path,
    )
    server.prepare()
    component, account = server.component(), server.component().account
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [*component.argv, *options],
            stdout=log,
            stderr=log,
            env=dict(component.env),
            cwd=component.cwd,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    try:
        while not server.is_ready():
            if process.poll() is not None:
                raise RuntimeError(log_path.read_text()[-2000:])
        server.make_database()
        yield Database(server.owner_uri, process.pid)
    finally:
        process.send_signal(component.stop_signal)
        process.wait(STOP_S_MAX)
