"""The reconciler's process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvloop
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from business_clock import clock_of
from kafka_log.topics_admin import require_partitions
from observability.http_server import http_server
from reconciliation.reconciler import Reconciler
from reconciliation.reconciliation_log import ReconciliationLog
from reconciliation.routes import STATUSES, answer_refusal, reconciler_routes
from reconciliation.watched_folder import WatchedFolder

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerConfig:
    """`statements_dir` is a folder in which statements are left; `own_accounts` are bank accounts of ours, through
    which payments pass. The book in `state_dir` may be lost: it is folded again. `clock_file` may set the clock."""

    bootstrap: str
    partitions: int
    state_dir: Path
    statements_dir: Path | None = None
    own_accounts: frozenset[str] = frozenset()
    clock_file: Path | None = None
    instance: str = "reconciler"
    host: str = "127.0.0.1"
    port: int


def run(config: ReconcilerConfig) -> None:
    """Serve until SIGTERM or SIGINT; exits non-zero when it can no longer write, or another reconciler does."""
    if uvloop.run(_serve(config)):
        raise SystemExit(1)


async def _serve(config: ReconcilerConfig) -> bool:
    failed = False

    def fail() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    await asyncio.to_thread(require_partitions, config.bootstrap, config.partitions)
    path = config.state_dir / "reconciliation_book.sqlite"
    written = ReconciliationLog(config.bootstrap, path, partitions=config.partitions, instance=config.instance)
    await asyncio.to_thread(written.open)
    now_us = clock_of(config.clock_file).now_us
    folder = None if config.statements_dir is None else WatchedFolder(config.statements_dir)
    reconciler = Reconciler(written, path, now_us, config.own_accounts, folder)
    app = build_app(reconciler, config.state_dir, now_us, on_failure=fail)
    server = http_server(app, host=config.host, port=config.port)
    log.info("reconciler_opened", host=config.host, port=config.port)
    await server.serve()
    return failed or not server.started


def build_app(
    reconciler: Reconciler, spool_dir: Path, now_us: Callable[[], int], *, on_failure: Callable[[], None]
) -> Starlette:
    """Return the reconciler's HTTP app; it works while it runs, and calls `on_failure` when it no longer can."""

    async def work() -> None:
        try:
            await reconciler.work()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("reconciler_cannot_work")
            on_failure()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        working = asyncio.create_task(work(), name="work")
        try:
            yield
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await reconciler.close()

    async def ready(_request: Request) -> Response:
        is_ready = reconciler.failure is None
        return JSONResponse({"status": "ready" if is_ready else "unready"}, status_code=200 if is_ready else 503)

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            *reconciler_routes(reconciler, spool_dir, now_us),
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/metrics", metrics),
        ],
        exception_handlers=dict.fromkeys(STATUSES, answer_refusal),
        lifespan=lifespan,
    )
