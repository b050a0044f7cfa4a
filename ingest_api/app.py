"""The API process: its parts put together, started, and stopped."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from business_clock import clock_of
from ingest_api.accepted import AcceptedPayments
from ingest_api.auth import Doorkeeper
from ingest_api.commands import CommandLog
from ingest_api.known_directory import KnownDirectory, fold_of_the_log
from ingest_api.outcome import OutcomeWait
from ingest_api.parts import ApiConfig, Parts
from ingest_api.passwords import PasswordHashing
from ingest_api.paths import OneSpelling
from ingest_api.problems import problem_of
from ingest_api.reconciler_line import ReconcilerLine
from ingest_api.refusals import MalformedCursor, MethodNotAllowed, NotFound, ViewsUnreachable
from ingest_api.request_log import RequestLog
from ingest_api.routes.balances import balance_routes
from ingest_api.routes.bank_accounts import bank_account_routes
from ingest_api.routes.batch import batch_routes
from ingest_api.routes.dashboard import dashboard_routes
from ingest_api.routes.docs import docs_routes
from ingest_api.routes.health import health_routes
from ingest_api.routes.leases import lease_routes
from ingest_api.routes.metrics import metric_routes
from ingest_api.routes.payments import payment_routes
from ingest_api.routes.properties import property_routes
from ingest_api.routes.reconciliation import reconciliation_routes
from ingest_api.routes.registry import registry_routes
from ingest_api.routes.tenants import tenant_routes
from ingest_api.routes.users import user_routes
from ingest_api.routes.webhook_endpoints import webhook_endpoint_routes
from kafka_log.topics_admin import require_partitions
from observability.collector import let_collector_rest
from payments.refusals import Refusal
from projections.queries import MalformedCursor as UnknownCursor
from projections.queries import Queries, ViewsUnavailable

__all__ = ["ApiConfig", "app_with", "build_app", "run"]

log = structlog.get_logger()

WATCH_S = 0.5
# A single payment's waits fit, by default (the log's ends, the delivery, the outcome: 1.5 + 2.5 + 2 s). A full batch
# may take longer: it is cut off, and sent again with its keys. With 2.5 s more for what Kafka has not yet acknowledged
# that is below the 10 s after which the local stack kills a process.
STOP_S_MAX = 7


def build_app(config: ApiConfig) -> FastAPI:
    """Return the API; its parts are opened when it starts (on the event loop that serves) and closed when it stops."""
    return app_with(_parts(config))


def app_with(parts: Parts) -> FastAPI:
    """Return the API made of these parts."""
    routes = _routes(parts)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await _open(parts)
        try:
            yield
        finally:
            await _close(parts)

    app = FastAPI(
        title="DirectPay",
        routes=list(routes),
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(OneSpelling, paths=[route.path for route in routes]),
            Middleware(RequestLog, routes=routes),
        ],
        exception_handlers={
            Refusal: _answer_refusal,
            ViewsUnavailable: _answer_views_unavailable,
            UnknownCursor: _answer_malformed_cursor,
            HTTPException: _answer_http_exception,
        },
    )
    app.state.parts = parts
    return app


def run(config: ApiConfig) -> None:
    """Serve until SIGTERM or SIGINT; exits the process with 1 when the log can no longer be followed or written."""
    require_partitions(config.bootstrap, config.partitions)
    app = build_app(config)
    let_collector_rest()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=config.host,
            port=config.port,
            http="httptools",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=STOP_S_MAX,
        )
    )
    # uvicorn stops on these and then raises them again, which must not end the process as if it had been killed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        failed = runner.run(_serve(server, app.state.parts, config))
    if failed is not None:
        log.critical("log_lost", error=repr(failed))
        sys.exit(1)
    if not server.started:
        sys.exit(1)


async def _serve(server: uvicorn.Server, parts: Parts, config: ApiConfig) -> BaseException | None:
    sockets = [_shared_socket(config)] if config.reuse_port else None
    serving = asyncio.create_task(server.serve(sockets=sockets))
    while not serving.done():
        if _failure(parts) is not None:
            # A directory that no longer grows would refuse what is new; a fresh process reads it from the beginning.
            server.should_exit = True
        await asyncio.wait([serving], timeout=WATCH_S)
    await serving
    return _failure(parts)


def _failure(parts: Parts) -> BaseException | None:
    return parts.directory.failed or parts.commands.failed


def _shared_socket(config: ApiConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    shared = socket.socket(family, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((config.host, config.port))
    return shared


def _parts(config: ApiConfig) -> Parts:
    directory = KnownDirectory(fold_of_the_log(config.bootstrap, client_id=f"{config.instance}-directory"))
    queries = Queries.open(config.postgres)
    return Parts(
        config=config,
        directory=directory,
        doorkeeper=Doorkeeper(directory, config.keyring, config.admin_key),
        commands=CommandLog(config.bootstrap, client_id=f"{config.instance}-commands"),
        outcomes=OutcomeWait(queries),
        queries=queries,
        passwords=PasswordHashing(),
        accepted=AcceptedPayments(),
        reconciler=ReconcilerLine(config.reconciler_url),
        now_us=clock_of(config.clock_file).now_us,
    )


def _routes(parts: Parts) -> list[Route]:
    # Tried in this order, so first what is asked for most.
    routes = [
        # Before the routes of single payments: "batch" is no payment's id.
        *batch_routes(parts),
        *payment_routes(parts),
        *user_routes(parts),
        *bank_account_routes(parts),
        *property_routes(parts),
        *lease_routes(parts),
        *balance_routes(parts),
        *webhook_endpoint_routes(parts),
        *reconciliation_routes(parts),
        *metric_routes(parts),
        *tenant_routes(parts),
        *registry_routes(),
        *health_routes(parts),
        *docs_routes(parts),
    ]
    return [*routes, *dashboard_routes([route.path for route in routes])]


async def _open(parts: Parts) -> None:
    parts.directory.start()
    log.info("api_started", instance=parts.config.instance, host=parts.config.host, port=parts.config.port)


async def _close(parts: Parts) -> None:
    await parts.outcomes.stop()
    parts.directory.stop()
    parts.passwords.stop()
    # Flushing waits for Kafka, within the producer's bound.
    await asyncio.to_thread(parts.commands.close)
    await parts.queries.close()
    await parts.reconciler.close()
    log.info("api_stopped", instance=parts.config.instance)


async def _answer_refusal(_request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return problem_of(refusal).response()


async def _answer_views_unavailable(_request: Request, _error: Exception) -> Response:
    return problem_of(ViewsUnreachable()).response()


async def _answer_malformed_cursor(_request: Request, _error: Exception) -> Response:
    return problem_of(MalformedCursor()).response()


async def _answer_http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = MethodNotAllowed() if error.status_code == 405 else NotFound("path")
    response = problem_of(refusal).response()
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response
