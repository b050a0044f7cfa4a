"""Figures of a tenant's payments, and how the processes are: what the dashboard shows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Scope
from ingest_api.answers import tagged_answer
from ingest_api.listing import QueryString
from ingest_api.metric_periods import PERIODS_DEFAULT, PERIODS_MAX, last_periods
from ingest_api.metric_summary import Asked, freshness_body, summary
from ingest_api.parts import Parts
from ingest_api.process_health import ProcessHealth, state_body
from ingest_api.shared_answers import SharedAnswers
from projections.queries import Bucket, ViewsUnavailable

PATH = "/api/v1/metrics/"


def metric_routes(parts: Parts) -> list[Route]:
    metrics = Metrics(parts)
    return [
        Route(PATH + "summary", metrics.summary, methods=["GET"]),
        Route(PATH + "processes", metrics.processes, methods=["GET"]),
    ]


class Metrics:
    """Sums of one tenant, and the state of the whole system, which all tenants share."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._health = ProcessHealth(parts.config.health_urls)
        self._summaries = SharedAnswers(self._summary)
        self._processes = SharedAnswers(self._process_states)

    async def summary(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        query = QueryString(request)
        named = query.choice("bucket", [each.value for each in Bucket])
        count = query.number("periods", PERIODS_DEFAULT, PERIODS_MAX)
        query.check()
        bucket = Bucket(named or Bucket.DAY)
        # The day of business: a clock that is set to another year shows that year's figures.
        today = datetime.fromtimestamp(self._parts.now_us() // 1_000_000, UTC).date()
        starts = last_periods(today, bucket, count)
        asked = Asked(tenant_id=caller.tenant_id, bucket=bucket, starts=starts, last=today)
        return tagged_answer(request, await self._summaries.get(asked))

    async def processes(self, request: Request) -> Response:
        await self._parts.doorkeeper.caller(request, Scope.READ)
        query = QueryString(request)
        query.check()
        return tagged_answer(request, await self._processes.get(()))

    async def _summary(self, asked: Asked) -> dict[str, Any]:
        return await summary(self._parts.queries.metrics, asked)

    async def _process_states(self, _all: tuple[()]) -> dict[str, Any]:
        states, views, kafka = await asyncio.gather(
            self._health.states(), self._views(), self._parts.directory.catch_up()
        )
        return {
            "items": [state_body(state) for state in states],
            "kafka": kafka,
            "postgres": views is not None,
            "views": views or [],
        }

    async def _views(self) -> list[dict[str, Any]] | None:
        try:
            return [freshness_body(row) for row in await self._parts.queries.metrics.freshness()]
        except ViewsUnavailable:
            return None
