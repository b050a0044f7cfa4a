"""The simulated bank's process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn
import uvloop

from business_clock import clock_of
from rails.simulated.app import build_app
from rails.simulated.books import Books
from rails.simulated.teller import Teller

log = structlog.get_logger(__name__)

STOP_S_MAX = 2  # Readers of the feed wait in long polls: they ask again.


@dataclass(frozen=True, slots=True, kw_only=True)
class BankConfig:
    """Where the bank listens, the folder of its books, what divides its delays, and the file that may set its clock."""

    host: str
    port: int
    state_dir: Path
    rail_speed: float = 1.0
    clock_file: Path | None = None


def run(config: BankConfig) -> None:
    """Serve until SIGTERM or SIGINT; exits non-zero when the bank can no longer settle."""
    if uvloop.run(_serve(config)):
        raise SystemExit(1)


async def _serve(config: BankConfig) -> bool:
    failed = False

    def fail() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    books = Books(config.state_dir / "books.sqlite", speed=config.rail_speed)
    app = build_app(Teller(books, clock_of(config.clock_file)), on_failure=fail)
    server = _Server(
        uvicorn.Config(
            app,
            host=config.host,
            port=config.port,
            loop="none",
            access_log=False,
            log_config=None,
            lifespan="on",
            timeout_graceful_shutdown=STOP_S_MAX,
        )
    )
    log.info("bank_opened", books_id=books.books_id, host=config.host, port=config.port, rail_speed=config.rail_speed)
    await server.serve()
    return failed or not server.started


class _Server(uvicorn.Server):
    """uvicorn raises a signal again once it has stopped; a process that was asked to stop has not failed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
