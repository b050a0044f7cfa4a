"""A Kafka of the bench's own, with the settings of `directpay up`; every contestant of a run meets the same one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.local_stack.java import find_java
from cli.local_stack.kafka import KafkaServer
from cli.local_stack.kafka_jars import kafka_jars
from cli.local_stack.ports import free_port
from cli.settings import DownloadSettings

PARTITIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """`pid` is None for a Kafka that was there before: its CPU time is not ours to count."""

    bootstrap: str
    pid: int | None


@contextmanager
def kafka(bootstrap: str | None, folder: Path) -> Iterator[Broker]:
    """Give the broker that was named, or one in `folder` that lives as long as this."""
    if bootstrap is not None:
        yield Broker(bootstrap=bootstrap, pid=None)
        return
    port = free_port()
    jars = kafka_jars(DownloadSettings().cache_dir.expanduser(), lambda text: print(text, file=sys.stderr))
    server = KafkaServer(
        folder / "kafka",
        java=find_java(),
        jars=jars,
        port=port,
        controller_port=free_port({port}),
        log_path=folder / "kafka.log",
    )
    server.prepare()
    component = server.component()
    with (folder / "kafka.log").open("ab") as log:
        process = subprocess.Popen(component.argv, stdout=log, stderr=log, env=dict(component.env), cwd=component.cwd)
    try:
        while not server.is_ready():
            if process.poll() is not None:
                raise RuntimeError((folder / "kafka.log").read_text()[-2000:])
        yield Broker(bootstrap=server.bootstrap, pid=process.pid)
    finally:
        process.kill()
        process.wait()
