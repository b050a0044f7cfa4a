"""The dashboard: a page of our own files, open to everybody. All that it shows it reads with the viewer's API key."""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest_api.answers import JSON, bytes_answer
from ingest_api.entity_tags import content_tag

PATH = "/dashboard"
# What parts of the page need; each is shown where the API has its routes.
PANELS = {
    "webhooks": "/api/v1/webhook-endpoints/{id}/deliveries",
    "reconciliation": "/api/v1/reconciliation/items",
}
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    # Our own files only, and nothing inline: callers' text that slipped into the page could not become a program.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Asked for again each time, and answered 304: modules of two releases do not fit together.
    "Cache-Control": "no-cache",
}


def dashboard_routes(paths: Collection[str]) -> list[Route]:
    """Return the page's routes; `paths` are those of the API, which say what it can show."""
    dashboard = Dashboard(paths)
    return [
        Route(PATH, dashboard.page, methods=["GET"]),
        Route(PATH + "/panels.json", dashboard.panels, methods=["GET"]),
        Route(PATH + "/assets/{name}", dashboard.asset, methods=["GET"]),
    ]


class Dashboard:
    """Files in memory, each under the tag of what it holds."""

    def __init__(self, paths: Collection[str]) -> None:
        self._files = _read_files()
        shown = {_shape(path) for path in paths}
        self._panels = json.dumps({name: _shape(path) in shown for name, path in PANELS.items()}).encode()

    async def page(self, request: Request) -> Response:
        return self._answer(request, "index.html")

    async def asset(self, request: Request) -> Response:
        return self._answer(request, request.path_params["name"])

    async def panels(self, request: Request) -> Response:
        return bytes_answer(request, self._panels, content_tag(self._panels), media_type=JSON, headers=_HEADERS)

    def _answer(self, request: Request, name: str) -> Response:
        found = self._files.get(name)
        if found is None:
            return Response(status_code=404)
        content, media_type, tag = found
        return bytes_answer(request, content, tag, media_type=media_type, headers=_HEADERS)


def _read_files() -> dict[str, tuple[bytes, str, str]]:
    found = {}
    for file in files("ingest_api").joinpath("dashboard").iterdir():
        media_type = _MEDIA_TYPES.get(file.name[file.name.rfind(".") :])
        if media_type is not None:
            content = file.read_bytes()
            found[file.name] = (content, media_type, content_tag(content))
    return found


def _shape(path: str) -> str:
    """Return a path with its parameters unnamed and without a last slash, which mean nothing here."""
    return "/".join("{}" if part.startswith("{") else part for part in path.rstrip("/").split("/"))
