"""The originator's process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import uvloop

from business_clock import clock_of
from directory.sealing import Keyring
from kafka_log.topics_admin import require_partitions
from observability.health import HealthServer
from observability.http_server import http_server
from rails.ach.file_desk import Terms
from rails.ach.file_drop import FolderDrop
from rails.ach.origination_log import OriginationLog
from rails.ach.originator import Originator
from rails.ach.retries import RetryTerms
from rails.simulated.app import build_app
from schemas.origination import AchSender

log = structlog.get_logger(__name__)

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginatorConfig:
    """`drop_dir` is where files go and come from; `lead_s` is how long before a window closes its file is cut off.
    `prenotes`: an account is tried before it is debited for the first time; `dishonors`: returns that come too late are
    sent back. The book in `state_dir` may be lost: it is folded again. `clock_file` may set the business clock."""

    bootstrap: str
    partitions: int
    sender: AchSender
    keyring: Keyring = field(repr=False)
    drop_dir: Path
    lead_s: float
    retries: RetryTerms = field(default_factory=RetryTerms)
    prenotes: bool = False
    dishonors: bool = False
    state_dir: Path
    clock_file: Path | None = None
    instance: str = "originator"
    host: str = "127.0.0.1"
    port: int
    health_host: str = "127.0.0.1"
    health_port: int = 0


def run(config: OriginatorConfig) -> None:
    """Serve until SIGTERM or SIGINT; exits non-zero when it can no longer write, or another originator does."""
    if uvloop.run(_serve(config)):
        raise SystemExit(1)


async def _serve(config: OriginatorConfig) -> bool:
    failed = False

    def fail() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    def readiness() -> tuple[bool, dict[str, Any]]:
        return originator.failure is None and server.started, {"books_id": originator.books_id}

    await asyncio.to_thread(require_partitions, config.bootstrap, config.partitions)
    path = config.state_dir / "ach_book.sqlite"
    origination = OriginationLog(config.bootstrap, path, instance=config.instance)
    await asyncio.to_thread(origination.open)
    terms = Terms(
        sender=config.sender,
        keyring=config.keyring,
        lead_us=int(config.lead_s * SECOND_US),
        retries=config.retries,
        prenotes=config.prenotes,
        dishonors=config.dishonors,
    )
    originator = Originator(origination, path, FolderDrop(config.drop_dir), terms, clock_of(config.clock_file))
    server = http_server(build_app(originator, on_failure=fail), host=config.host, port=config.port)
    health = HealthServer(config.health_port, readiness, host=config.health_host).start()
    log.info("originator_opened", books_id=originator.books_id, host=config.host, port=config.port)
    try:
        await server.serve()
    finally:
        health.stop()
    return failed or not server.started
