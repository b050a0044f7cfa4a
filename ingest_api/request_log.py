"""One log line and one measurement a request, without callers' text; what nobody caught becomes a problem document."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

import structlog
from prometheus_client import Counter, Gauge, Histogram
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest_api.problems import unexpected_problem

log = structlog.get_logger()

ANSWERS = Counter("directpay_api_answers_total", "Answers by route and status", ["method", "route", "status"])
ANSWER_S = Histogram(
    "directpay_api_answer_seconds",
    "Time from a request's head to its whole answer",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)
OPEN = Gauge("directpay_api_requests_open", "Requests that are not answered yet")
UNROUTED = "unrouted"
CLIENT_LEFT = 499  # nginx's number for a caller who did not wait; it is only counted, never sent.


class RequestLog:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._paths = {route.endpoint: route.path for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        began = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((b"x-request-id", request_id.encode()))
            await send(message)

        OPEN.inc()
        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = CLIENT_LEFT
        except Exception:
            log.exception("request_failed", request_id=request_id, route=self._route(scope))
            if status == 0:
                await unexpected_problem().response()(scope, receive, send_with_id)
        finally:
            OPEN.dec()
            self._tell(scope, status, time.perf_counter() - began, request_id)

    def _route(self, scope: Scope) -> str:
        # The route's pattern, not the path: a path is the caller's text.
        return self._paths.get(scope["endpoint"], UNROUTED) if "endpoint" in scope else UNROUTED

    def _tell(self, scope: Scope, status: int, took_s: float, request_id: str) -> None:
        method = scope["method"] if scope["method"] in ("GET", "POST", "PUT", "PATCH", "DELETE") else "other"
        route = self._route(scope)
        ANSWERS.labels(method, route, str(status)).inc()
        ANSWER_S.labels(method, route).observe(took_s)
        log.info(
            "request_answered",
            method=method,
            route=route,
            status=status,
            took_ms=round(took_s * 1000, 2),
            request_id=request_id,
        )
