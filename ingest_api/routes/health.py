"""Whether the process lives, whether it can take payments, and what it measures."""

from __future__ import annotations

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest_api.answers import json_answer
from ingest_api.parts import Parts
from projections.queries import ViewsUnavailable


def health_routes(parts: Parts) -> list[Route]:
    health = Health(parts)
    return [
        Route("/health/live", health.live, methods=["GET"]),
        Route("/health/ready", health.ready, methods=["GET"]),
        Route("/metrics", health.metrics, methods=["GET"]),
    ]


class Health:
    """Ready means that a POST is taken: the directory is read and Kafka answers. Postgres is told, but not needed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def live(self, _request: Request) -> Response:
        return json_answer({"status": "live"})

    async def ready(self, _request: Request) -> Response:
        directory = self._parts.directory
        kafka, postgres = await asyncio.gather(self._kafka(), self._postgres())
        ready = directory.is_ready and directory.failed is None and kafka
        body = {
            "status": "ready" if ready else "not ready",
            "directory": directory.is_ready,
            "kafka": kafka,
            "postgres": postgres,
            "progress": directory.progress,
        }
        return json_answer(body, status=200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        # As Prometheus clients ask, and as the other processes answer: only these, in a fiftieth of the time of all.
        names = request.query_params.getlist("name[]")
        asked = REGISTRY.restricted_registry(names) if names else REGISTRY
        return Response(generate_latest(asked), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _kafka(self) -> bool:
        # Reading to the ends asks every partition's leader: the most that can be asked without writing.
        return self._parts.directory.is_ready and await self._parts.directory.catch_up()

    async def _postgres(self) -> bool:
        try:
            await self._parts.queries.ping()
        except ViewsUnavailable:
            return False
        return True
