"""The simulated bank's statements over HTTP.

GET /statements   ?date=2026-12-01: what was booked on that day (Eastern), a statement an account, with its balances
                  before and after. &format=camt.053 (the default), bai2, csv or a version of camt.053;
                  &account=: of one account, by its number in GET /books. 404: nothing was booked.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import date
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from business_clock import Clock
from payments.windows import eastern
from rails.simulated.app import BadRequest, Part, refused_with, whole_number
from rails.simulated.day_statements import DayStatements, NothingBooked, TooMuchBooked
from rails.simulated.statements.bookings import InvalidBooking
from rails.simulated.statements.writer import FORMATS, write_statements

NEWEST = 2**62
_MEDIA_TYPES = {"bai2": "text/plain", "csv": "text/csv"}


def statement_part(statements: DayStatements, clock: Clock) -> Part:
    """Return the part of the bank that writes statements."""

    async def statement(request: Request) -> Response:
        day, form = _day(request), request.query_params.get("format", "camt.053")
        if form not in FORMATS:
            raise BadRequest(f"format: must be one of {', '.join(FORMATS)}")
        account_id = whole_number(request, "account", least=1, most=NEWEST, default=0) or None
        created_at = eastern(clock.now_us())
        # Beside the event loop: a large day takes seconds to read and to write.
        file = await asyncio.to_thread(partial(statements.of, day, created_at=created_at, account_id=account_id))
        return StreamingResponse(write_statements(file, form), media_type=_MEDIA_TYPES.get(form, "application/xml"))

    return Part(
        routes=[Route("/statements", statement)],
        handlers={
            NothingBooked: refused_with(HTTPStatus.NOT_FOUND),
            TooMuchBooked: refused_with(HTTPStatus.UNPROCESSABLE_ENTITY),
            InvalidBooking: refused_with(HTTPStatus.UNPROCESSABLE_ENTITY),
        },
    )


def _day(request: Request) -> date:
    text = request.query_params.get("date", "")
    with suppress(ValueError):
        day = date.fromisoformat(text)
        # Other forms of ISO 8601, such as a week's days, are not meant.
        if day.isoformat() == text and 2000 <= day.year < 2200:
            return day
    raise BadRequest("date: must be a day such as 2026-12-01")
