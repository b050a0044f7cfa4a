"""The simulated bank's clock over HTTP: it may be set forward, run faster, stand, or go to what happens next.

GET /clock   what it shows, how fast it runs, and what happens next by it.
PUT /clock   {"to": "2026-12-01T08:30:00-05:00"}, {"step": true} and {"speed": 60}, the last also with one of the
             others; speed 0: it stands. POST does the same.

What is set is the business clock's file (docs/decisions/0071), so every process that follows the same file goes with
the bank. Without one the bank follows the machine's clock, and refuses.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rails.simulated.app import Part, body_of, json_answer, refused_with
from rails.simulated.bank_clock import BankClock, ClockGoesForward, ClockIsTheMachines, read_wanted


def clock_part(bank_clock: BankClock) -> Part:
    """Return the part of the bank that shows and sets its clock."""

    async def show(_request: Request) -> Response:
        return json_answer(await bank_clock.show())

    async def set_clock(request: Request) -> Response:
        await bank_clock.set(read_wanted(await body_of(request)))
        return json_answer(await bank_clock.show())

    return Part(
        routes=[Route("/clock", show), Route("/clock", set_clock, methods=["PUT", "POST"])],
        handlers={
            ClockIsTheMachines: refused_with(HTTPStatus.CONFLICT),
            ClockGoesForward: refused_with(HTTPStatus.CONFLICT),
        },
    )
