"""The wait: one query every few milliseconds asks for everybody in this process who waits for a command's outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import structlog
from prometheus_client import Counter, Gauge, Histogram

from ingest_api.refusals import TooManyWaiting
from kafka_log.batches import in_batches
from projections.queries import Outcome, Queries, ViewsUnavailable, Wait

log = structlog.get_logger()

TICK_S = 0.004  # About a transaction of the projector: asking more often would only ask in vain.
# Each wait is asked about until it is known, and costs the database each time: the more wait, the more seldom.
TICK_S_PER_WAIT = 0.0005
TICK_S_MAX = 0.05
# Outcomes come about in the order of commands. So of a batch no more than its first ones are asked for, until these are
# known; and now and then all, because one partition may stand still while others go on.
PROBED = 32
ALL_EVERY = 8
WAITS_PER_QUERY_MAX = 2_000  # Some milliseconds of the database's time, so that nobody waits long behind a batch.
REQUESTS_WAITING_MAX = 1_000
BATCH_WAITS_MAX = 40_000  # Four full batches; each wait is about half a kilobyte.

WAITING = Gauge("directpay_api_outcome_waiting", "Commands whose outcome is or will be waited for")
QUERY_S = Histogram("directpay_api_outcome_query_seconds", "Time of one query for outcomes")
UNAVAILABLE = Counter(
    "directpay_api_outcome_views_unavailable_total", "Queries for outcomes that Postgres did not answer"
)


class _Request:
    """One request's waits: a single one, or a batch's, in the order of its commands."""

    __slots__ = ("_asked", "_rounds", "done", "found", "open")

    def __init__(self, waits: Sequence[Wait]) -> None:
        self.open = {wait.command_id: wait for wait in waits}
        self.found: dict[str, Outcome] = {}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked: list[Wait] = []
        self._rounds = 0

    def next_asked(self) -> list[Wait]:
        """Return what to ask for now: the first that are open; or all, when those of the last round are known."""
        self._rounds += 1
        is_moving = self._rounds > 1 and not any(wait.command_id in self.open for wait in self._asked)
        some = None if is_moving or self._rounds % ALL_EVERY == 0 else PROBED
        self._asked = list(islice(self.open.values(), some))
        return self._asked

    def take(self, outcomes: dict[str, Outcome]) -> None:
        for command_id in outcomes.keys() & self.open.keys():
            self.found[command_id] = outcomes[command_id]
            del self.open[command_id]
        if not self.open:
            self.finish()

    def finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class OutcomeWait:
    """Waits for outcomes, within bounds; without the views it says at once that it does not know."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._requests: set[_Request] = set()
        self._requests_held = 0
        self._waits = 0
        self._asking: asyncio.Task[None] | None = None

    @contextmanager
    def room(self, waits: int) -> Iterator[None]:
        """Hold the room of one request with so many waits, or raise TooManyWaiting; before anything is accepted.

        It is held from here on, not from the wait on: a burst whose commands Kafka is slow to acknowledge would
        otherwise pass all together. Who does not wait (0 waits) takes no room, but comes in only while there is some.
        """
        if self._requests_held >= REQUESTS_WAITING_MAX or self._waits + waits > BATCH_WAITS_MAX:
            raise TooManyWaiting
        self._hold(1 if waits else 0, waits)
        try:
            yield
        finally:
            self._hold(-1 if waits else 0, -waits)

    async def outcomes(self, waits: Sequence[Wait], timeout_s: float) -> dict[str, Outcome]:
        """Return the outcomes by command id that are known within `timeout_s`; fewer when the views are away.

        Called within `room`, which holds the bound.
        """
        if not waits or timeout_s <= 0:
            return {}
        request = _Request(waits)
        self._requests.add(request)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        try:
            await asyncio.wait([request.done], timeout=timeout_s)
        finally:
            self._requests.discard(request)
        return request.found

    async def stop(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _hold(self, requests: int, waits: int) -> None:
        self._requests_held += requests
        self._waits += waits
        WAITING.set(self._waits)

    async def _ask(self) -> None:
        while self._requests:
            began = time.perf_counter()
            requests = list(self._requests)
            asked = [wait for request in requests for wait in request.next_asked()]
            try:
                for waits in in_batches(asked, WAITS_PER_QUERY_MAX):
                    outcomes = await self._queries.outcomes(waits)
                    for request in requests:
                        request.take(outcomes)
            except ViewsUnavailable:
                # The commands are in the log and their ids are final: callers need not wait for the database.
                UNAVAILABLE.inc()
                for request in requests:
                    request.finish()
            except Exception:
                # Whoever waits is told "not known yet"; the next caller starts a new round.
                log.exception("outcome_query_failed")
                for request in requests:
                    request.finish()
            took_s = time.perf_counter() - began
            QUERY_S.observe(took_s)
            # At most half of the time is spent asking, however long an answer takes.
            await asyncio.sleep(max(TICK_S, min(TICK_S_MAX, TICK_S_PER_WAIT * len(asked)), took_s))
