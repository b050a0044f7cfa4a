"""The simulated bank's process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog
import uvloop

from business_clock import clock_of
from observability.collector import let_collector_rest
from observability.http_server import http_server
from rails.ach.file_drop import FolderDrop
from rails.simulated.ach.fault_desk import FaultDesk
from rails.simulated.ach.fault_routes import fault_part
from rails.simulated.ach.file_books import FileBooks
from rails.simulated.ach.file_counter import FileCounter
from rails.simulated.ach.file_routes import file_part
from rails.simulated.ach.outage_door import Door
from rails.simulated.app import build_app
from rails.simulated.bank_clock import BankClock
from rails.simulated.books import Books
from rails.simulated.clock_routes import clock_part
from rails.simulated.day_statements import DayStatements
from rails.simulated.fault_rate_routes import fault_rate_part
from rails.simulated.page_route import page_part
from rails.simulated.statement_routes import statement_part
from rails.simulated.teller import Teller

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankConfig:
    """Where the bank listens, the folder of its books, what divides its delays, the file that may set its clock, and
    the folder of an originator whose files it takes: its outbox is read, its inbox is written into."""

    host: str
    port: int
    state_dir: Path
    rail_speed: float = 1.0
    clock_file: Path | None = None
    drop_dir: Path | None = None


def run(config: BankConfig) -> None:
    """Serve until SIGTERM or SIGINT; exits non-zero when the bank can no longer settle."""
    let_collector_rest()
    if uvloop.run(_serve(config)):
        raise SystemExit(1)


async def _serve(config: BankConfig) -> bool:
    failed = False

    def fail() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    path = config.state_dir / "books.sqlite"
    books = Books(path, speed=config.rail_speed)
    clock = clock_of(config.clock_file)
    teller = Teller(books, clock)
    drop = None if config.drop_dir is None else FolderDrop(config.drop_dir, for_bank=True)
    file_books = FileBooks(books)
    faults = FaultDesk(file_books, clock, teller.run)
    files = FileCounter(file_books, clock, teller.run, drop, faults.outages)
    bank_clock = BankClock(clock, config.clock_file, (teller.next_due_us, files.next_due_us))
    statements = statement_part(DayStatements(path, books.books_id), clock)
    wrong = (fault_part(faults), fault_rate_part(books, teller))
    parts = (file_part(files), clock_part(bank_clock), *wrong, statements, page_part())
    app = build_app(teller, on_failure=fail, parts=parts)
    app.add_middleware(Door, is_out=faults.is_out)
    server = http_server(app, host=config.host, port=config.port)
    log.info("bank_opened", books_id=books.books_id, host=config.host, port=config.port, rail_speed=config.rail_speed)
    await server.serve()
    return failed or not server.started
