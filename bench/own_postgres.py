"""A Postgres of the bench's own, with the settings of `directpay up`, but for what only a crash would tell."""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.local_stack.ports import free_port
from cli.local_stack.postgres import PostgresServer

# Filling takes minutes instead of hours; what is measured only reads.
UNSAFE = ("-c", "fsync=off", "-c", "max_wal_size=8GB")


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Give the URI of the owner of an empty database, in `folder`, that lives as long as this."""
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
    component = server.component()
    account = component.account
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [*component.argv, *UNSAFE],
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
        yield server.owner_uri
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
