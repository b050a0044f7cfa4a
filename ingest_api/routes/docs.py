"""The API's description as documents and as pages, all from our own origin: they work without internet."""

from __future__ import annotations

import html
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ingest_api.answers import json_answer
from ingest_api.api_description import openapi
from ingest_api.examples import Examples
from ingest_api.parts import Parts
from ingest_api.problems import TYPES_PATH, problem_types
from ingest_api.topics_description import asyncapi

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>DirectPay API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
"""
# No validator badge: it would ask a server on the internet.
_START = """window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
_SECURITY = {
    # Only our own origin; Swagger UI styles elements inline and has its pictures in the style sheet.
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    "X-Content-Type-Options": "nosniff",
}
_CACHED = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}


def docs_routes(parts: Parts) -> list[Route]:
    docs = Docs(parts)
    return [
        Route("/", docs.root, methods=["GET"]),
        Route("/docs", docs.page, methods=["GET"]),
        Route("/docs/assets/{name}", docs.asset, methods=["GET"]),
        Route(TYPES_PATH, docs.problems, methods=["GET"]),
        Route("/openapi.json", docs.openapi, methods=["GET"]),
        Route("/asyncapi.json", docs.asyncapi, methods=["GET"]),
    ]


class Docs:
    """Descriptions for people and for machines."""

    def __init__(self, parts: Parts) -> None:
        self._config = parts.config
        self._now_us = parts.now_us
        self._version = version("directpay")
        self._assets = _read_assets()

    async def root(self, _request: Request) -> Response:
        return RedirectResponse("/docs")

    async def page(self, _request: Request) -> Response:
        return HTMLResponse(_PAGE, headers=_SECURITY)

    async def asset(self, request: Request) -> Response:
        found = self._assets.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        content, media_type = found
        return Response(content, media_type=media_type, headers=_CACHED)

    async def problems(self, _request: Request) -> Response:
        return HTMLResponse(_problems_page(), headers=_SECURITY)

    async def openapi(self, _request: Request) -> Response:
        return json_answer(self.description())

    async def asyncapi(self, _request: Request) -> Response:
        config = self._config
        document = asyncapi(bootstrap=config.bootstrap, partitions=config.partitions, version=self._version)
        return json_answer(document)

    def description(self) -> dict[str, Any]:
        today = datetime.fromtimestamp(self._now_us() // 1_000_000, UTC).date()
        # Which month's rent the examples order changes with the month, not with the process.
        return _description(self._config.docs_tenant, today.replace(day=1), self._version)


@lru_cache(maxsize=2)
def _description(tenant_id: str, month: date, version: str) -> dict[str, Any]:
    return openapi(Examples(tenant_id=tenant_id, today=month), version=version)


def _read_assets() -> dict[str, tuple[bytes, str]]:
    folder = files("fastapi_swagger.resources")
    found = {name: (folder.joinpath(name).read_bytes(), kind) for name, kind in _ASSETS.items()}
    return found | {"start.js": (_START.encode(), "text/javascript")}


@lru_cache(maxsize=1)
def _problems_page() -> str:
    rows = "\n".join(
        f'<h2 id="{code}">{html.escape(code)}</h2><p><b>{status}</b> {html.escape(title)}. {html.escape(doc)}</p>'
        for code, (status, title, doc) in problem_types().items()
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>DirectPay: problem types</title></head>'
        f"<body><h1>Problem types</h1><p>Every error is a problem document whose type is a link to here.</p>"
        f"{rows}</body></html>"
    )
