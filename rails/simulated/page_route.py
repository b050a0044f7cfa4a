"""The simulated bank in a browser: one page that shows books, files, clock and faults from the bank's own answers."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rails.simulated.app import Part

_PAGE = (Path(__file__).parent / "page.html").read_bytes()
# Names in files are other people's text: nothing but the page's own script runs, and it asks nobody but the bank.
_POLICY = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page_part() -> Part:
    """Return the part of the bank that people look at."""

    async def page(_request: Request) -> Response:
        return Response(_PAGE, media_type="text/html", headers={"content-security-policy": _POLICY})

    return Part(routes=[Route("/", page)])
