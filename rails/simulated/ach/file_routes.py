"""The simulated bank's files over HTTP.

PUT /files/{name}   a Nacha file as the body: 201 taken, 200 taken before; the answer says what is in it.
                    422 broken, with line, field and rule of each fault; 409 its name or its file id is another file's.
GET /files          ?before=&limit=: the newest files first, what came in and what the bank wrote, and what was refused.
GET /files/{name}   its bytes.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rails.simulated.ach.deposit import FILE_BYTES_MAX, BrokenFile, InvalidFileName
from rails.simulated.ach.file_books import FileIdTaken, FileNameTaken
from rails.simulated.ach.file_counter import FileCounter, faults_of
from rails.simulated.app import Part, body_of, json_answer, refused_with, whole_number

FILES_MAX = 1000
NEWEST = 2**62


class NoSuchFile(Exception):
    """No file has this name."""

    def __init__(self) -> None:
        super().__init__("no file has this name")


HANDLERS = {
    BrokenFile: refused_with(HTTPStatus.UNPROCESSABLE_ENTITY, faults_of),
    InvalidFileName: refused_with(HTTPStatus.BAD_REQUEST),
    FileIdTaken: refused_with(HTTPStatus.CONFLICT),
    FileNameTaken: refused_with(HTTPStatus.CONFLICT),
    NoSuchFile: refused_with(HTTPStatus.NOT_FOUND),
}


def file_part(counter: FileCounter) -> Part:
    """Return the part of the bank that takes files."""

    async def put(request: Request) -> Response:
        data = await body_of(request, bytes_max=FILE_BYTES_MAX)
        taken = await counter.put(request.path_params["name"], data)
        return json_answer(taken, HTTPStatus.CREATED if taken.is_new else HTTPStatus.OK)

    async def files(request: Request) -> Response:
        report = await counter.report(
            before=whole_number(request, "before", least=1, most=NEWEST, default=NEWEST),
            limit=whole_number(request, "limit", least=1, most=FILES_MAX, default=100),
        )
        return json_answer(report)

    async def file(request: Request) -> Response:
        data = await counter.file(request.path_params["name"])
        if data is None:
            raise NoSuchFile
        return Response(data, media_type="text/plain")

    return Part(
        routes=[
            Route("/files", files),
            Route("/files/{name}", put, methods=["PUT"]),
            Route("/files/{name}", file),
        ],
        handlers=HANDLERS,
        work=[counter.work, counter.watch_clock],
    )
