"""The simulated bank's faults over HTTP. They are asked for by whoever reaches the bank: no other bank has this door.

POST   /faults       {"fault": "lost_answer" or "duplicate_answer" or "late_return" or "wrong_amount", "next": 3} for
                     the next 3 entries that it can happen to, {..., "reference": "121042880000001"} for the next with
                     this trace number or identification; a late return may have a "code".
                     {"fault": "outage", "for_s": 600} from now, by the bank's clock, or with "at_cut_off": true around
                     the end of the next ACH window: as long before as behind it.
GET    /faults       what was asked for, the newest first, and for how many entries it waits yet.
DELETE /faults/{id}  it shall not happen any more; an outage ends.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rails.simulated.ach.fault_desk import FaultDesk, NoSuchFault, read_wanted
from rails.simulated.app import Part, body_of, json_answer, refused_with, whole_number

FAULTS_MAX = 1000


def fault_part(desk: FaultDesk) -> Part:
    """Return the part of the bank that is told what to do wrong."""

    async def set_fault(request: Request) -> Response:
        return json_answer(await desk.set(read_wanted(await body_of(request))), HTTPStatus.CREATED)

    async def faults(request: Request) -> Response:
        limit = whole_number(request, "limit", least=1, most=FAULTS_MAX, default=100)
        return json_answer({"faults": await desk.faults(limit)})

    async def remove(request: Request) -> Response:
        await desk.remove(request.path_params["fault_id"])
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return Part(
        routes=[
            Route("/faults", faults),
            Route("/faults", set_fault, methods=["POST"]),
            Route("/faults/{fault_id:int}", remove, methods=["DELETE"]),
        ],
        handlers={NoSuchFault: refused_with(HTTPStatus.NOT_FOUND)},
    )
