"""The simulated bank over HTTP.

POST /transfers       {"transfers": [...]}: take them; answers by reference. One that is missing got no answer.
POST /transfers/ask   {"references": [...]}: the standing of each.
GET  /outcomes        ?after=&limit=&wait_s=: the feed, a long poll.
GET  /books           ?after=&accounts_after=&limit=&totals=: totals (which sum everything, so not with totals=no),
                      accounts, transfers; shows that debits equal credits.
GET  /health/live, /health/ready

A bank may have more: each Part brings its routes, how its refusals are answered, and the work behind them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rails.bank import OUTCOMES_MAX, Answer, Instruction, OutcomePage, Standing
from rails.counter import Counter
from rails.simulated.wire import Answers, Named, Questions, SentInstruction, SentTransfers

log = structlog.get_logger(__name__)

BODY_BYTES_MAX = 4 * 1024 * 1024  # 500 instructions with the longest texts.
WAIT_S_MAX = 30.0
BOOKS_MAX = 1000
# How long a withheld answer holds its connection: longer than any client of ours waits.
WITHHELD_S = 30.0

_transfers = msgspec.json.Decoder(SentTransfers)
_instruction = msgspec.json.Decoder(SentInstruction)
_named = msgspec.json.Decoder(Named)
_questions = msgspec.json.Decoder(Questions)


T = TypeVar("T")

Handler = Callable[[Request, Exception], Awaitable[Response]]


class BadRequest(Exception):
    """The request breaks the bank's rules; the message is for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What else a bank does over HTTP; `work` runs as long as the bank does."""

    routes: Sequence[Route]
    handlers: Mapping[type[Exception], Handler] = field(default_factory=dict)
    work: Sequence[Callable[[], Awaitable[None]]] = ()


def build_app(teller: Counter, *, on_failure: Callable[[], None], parts: Sequence[Part] = ()) -> Starlette:
    """Return the bank's HTTP app; it settles while it runs, and calls `on_failure` when it no longer can."""

    async def settle() -> None:
        try:
            more = (work() for part in parts for work in part.work)
            await asyncio.gather(teller.settle(), teller.watch_clock(), *more)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("bank_cannot_settle")
            on_failure()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        settling = asyncio.create_task(settle(), name="settle")
        try:
            yield
        finally:
            settling.cancel()
            await asyncio.gather(settling, return_exceptions=True)
            await teller.close()

    desk = _Desk(teller)
    return Starlette(
        routes=[
            Route("/transfers", desk.take, methods=["POST"]),
            Route("/transfers/ask", desk.ask, methods=["POST"]),
            Route("/outcomes", desk.outcomes),
            Route("/books", desk.books),
            Route("/health/live", desk.health),
            Route("/health/ready", desk.health),
            *(route for part in parts for route in part.routes),
        ],
        exception_handlers={
            BadRequest: refused_with(HTTPStatus.BAD_REQUEST),
            **{kind: handler for part in parts for kind, handler in part.handlers.items()},
        },
        lifespan=lifespan,
    )


class _Desk:
    def __init__(self, teller: Counter) -> None:
        self._teller = teller

    async def take(self, request: Request) -> Response:
        taken, refused = _read_transfers(await body_of(request))
        answers = await self._teller.take(taken) if taken else {}
        if not answers and not refused:
            # Every one of them is a test value that gets no answer: neither does the request.
            await asyncio.sleep(WITHHELD_S)
            return Response(status_code=504)
        return json_answer(Answers(answers=[*answers.values(), *refused]))

    async def ask(self, request: Request) -> Response:
        questions = understood(_questions, await body_of(request))
        answers = await self._teller.ask(questions.references)
        return json_answer(Answers(answers=list(answers.values())))

    async def outcomes(self, request: Request) -> Response:
        after = self._sequence(request.query_params.get("after", ""))
        limit = whole_number(request, "limit", least=1, most=OUTCOMES_MAX, default=OUTCOMES_MAX)
        wait_s = min(WAIT_S_MAX, _seconds(request, "wait_s"))
        told = await self._teller.outcomes(after, limit, wait_s)
        last = told[-1][0] if told else after
        cursor = f"{self._teller.books_id}:{last}"
        return json_answer(OutcomePage(outcomes=tuple([outcome for _, outcome in told]), cursor=cursor))

    async def books(self, request: Request) -> Response:
        report = await self._teller.report(
            after=whole_number(request, "after", least=0, most=2**62, default=0),
            accounts_after=whole_number(request, "accounts_after", least=0, most=2**62, default=0),
            limit=whole_number(request, "limit", least=1, most=BOOKS_MAX, default=100),
            with_totals=request.query_params.get("totals") != "no",
        )
        return json_answer(report)

    async def health(self, _request: Request) -> Response:
        return json_answer({"status": "ready", "books_id": self._teller.books_id})

    def _sequence(self, cursor: str) -> int:
        """Return the sequence in a cursor; one into other books (they were deleted) starts at the beginning."""
        if not cursor:
            return 0
        books_id, colon, sequence = cursor.partition(":")
        if not colon or not (sequence.isascii() and sequence.isdecimal()) or len(sequence) > 18:
            raise BadRequest("after: must be a cursor of this feed")
        return int(sequence) if books_id == self._teller.books_id else 0


def _read_transfers(body: bytes) -> tuple[list[Instruction], list[Answer]]:
    """Return the instructions, and a refusal for each that breaks a rule: naming the field, never its value."""
    taken: list[Instruction] = []
    refused: list[Answer] = []
    for each in understood(_transfers, body).transfers:
        try:
            taken.append(understood(_instruction, each))
        except BadRequest as error:
            refused.append(_refusal(each, str(error)))
    return taken, refused


def _refusal(raw: msgspec.Raw, reason: str) -> Answer:
    reference = understood(_named, raw).reference
    return Answer(reference=reference, standing=Standing.REFUSED, code="instruction_invalid", reason=reason)


async def body_of(request: Request, *, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """Return a request's body, or raise BadRequest when it is too large."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise BadRequest(f"body: must be at most {bytes_max} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def understood(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T:
    """Return what a body says, or raise BadRequest."""
    try:
        return decoder.decode(data)
    # A text that is not UTF-8 is told apart from all else that is no JSON.
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(str(error)) from None


def whole_number(request: Request, name: str, *, least: int, most: int, default: int) -> int:
    """Return a whole number of the query, or raise BadRequest."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or not least <= int(text) <= most:
        raise BadRequest(f"{name}: must be a whole number from {least} to {most}")
    return int(text)


def _seconds(request: Request, name: str) -> float:
    text = request.query_params.get(name, "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        raise BadRequest(f"{name}: must be a number of seconds")
    return seconds


def json_answer(value: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def refused_with(status: HTTPStatus, errors: Callable[[Any], list[dict[str, Any]]] | None = None) -> Handler:
    """Return what answers a refusal: its message as the detail, and what `errors` finds in it."""

    async def answer(_request: Request, refusal: Exception) -> Response:
        problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": str(refusal)}
        if errors is not None:
            problem["errors"] = errors(refusal)
        return Response(msgspec.json.encode(problem), status_code=status, media_type="application/problem+json")

    return answer
