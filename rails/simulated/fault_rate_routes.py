"""The share of transfers with which the simulated bank does something wrong, over HTTP.

PUT  /faults/rates           {"dropped": 0.02, "doubled": 0.02, "changed": 0.001, "seed": 7}: of the transfers that are
                             taken from now on; what is left out is 0.
GET  /faults/rates           what holds now.
GET  /faults/transfers       ?after=&limit=: the bank's own record of what went wrong.
POST /faults/transfers/tell  tell after all what was dropped and is booked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rails.simulated.app import Part, body_of, json_answer, understood, whole_number
from rails.simulated.books import Books
from rails.simulated.teller import Teller
from rails.simulated.transfer_faults import FaultRates

FAULTS_MAX = 1000

T = TypeVar("T")

_rates = msgspec.json.Decoder(FaultRates)


def fault_rate_part(books: Books, teller: Teller) -> Part:
    """Return the part of the bank that is told how often to do something wrong."""
    faults = books.faults

    async def change(work: Callable[[], T]) -> T:
        def within() -> T:
            with books.transaction():
                return work()

        return await teller.run(within)

    async def set_rates(request: Request) -> Response:
        wanted = understood(_rates, await body_of(request))
        await change(partial(faults.set_rates, wanted))
        return json_answer(faults.rates)

    async def rates(_request: Request) -> Response:
        return json_answer(faults.rates)

    async def page(request: Request) -> Response:
        after = whole_number(request, "after", least=0, most=2**62, default=0)
        limit = whole_number(request, "limit", least=1, most=FAULTS_MAX, default=100)
        found = await teller.run(partial(faults.page, after, limit))
        return json_answer({"transfers": found, "next": found[-1]["transfer_id"] if len(found) == limit else None})

    async def tell(_request: Request) -> Response:
        told = await change(faults.tell_dropped)
        teller.tell_news()
        return json_answer({"told": told})

    return Part(
        routes=[
            Route("/faults/rates", rates),
            Route("/faults/rates", set_rates, methods=["PUT"]),
            Route("/faults/transfers", page),
            Route("/faults/transfers/tell", tell, methods=["POST"]),
        ]
    )
