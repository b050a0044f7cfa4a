"""One endpoint's deliveries: in the order of each payment, a few at a time, whatever other endpoints do."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from directory.webhook_endpoint import DisabledReason
from schemas.deliveries import Outcome, WebhookDelivery
from webhooks import metrics
from webhooks.attempts import Attempted, not_attempted
from webhooks.endpoints import Standing
from webhooks.pending import Due
from webhooks.retries import GONE, SECOND_US

log = structlog.get_logger(__name__)

# Of one endpoint at once: enough for 80 a second where an answer takes 100 ms.
IN_FLIGHT_MAX = 8
# How many are read ahead for each that may be in flight: they are at hand in memory, 20 KB each at most.
READ_AHEAD = 4
FAILED_AT_ONCE_MAX = 200
# Between two requests to an endpoint that failed twice in a row: twice as long with each further failure. All endpoints
# share one process, and one that refuses at once would otherwise be asked hundreds of times a second, if its backlog is
# large.
PAUSE_S_MIN, PAUSE_S_MAX = 0.05, 1.0
EVER_US = 2**63 - 1


class Desk(Protocol):
    """What a lane works with."""

    def now_us(self) -> int:
        """Return the machine's time."""
        ...

    def standing(self, endpoint_id: str) -> Standing: ...

    def is_live(self, partition: int) -> bool: ...

    async def due(self, endpoint_id: str, most: int, *, until_us: int) -> list[Due]:
        """Return what may be attempted by then, what waits longest first."""
        ...

    async def next_at_us(self, endpoint_id: str, *, after_us: int) -> int | None:
        """Return when more of it may be; None: there is no more."""
        ...

    async def attempt(self, due: Due) -> Attempted:
        """Post it, and return what is to be recorded."""
        ...

    async def record(self, made: Sequence[tuple[int, WebhookDelivery]]) -> None: ...

    async def fails_for_long(self, endpoint_id: str) -> bool: ...

    async def disable(self, endpoint_id: str, reason: DisabledReason) -> None: ...

    async def begin_anew(self, endpoint_id: str) -> None:
        """Forget since when an endpoint fails."""
        ...

    async def forget(self, endpoint_id: str) -> None:
        """Forget what is due to a revoked endpoint."""
        ...


class Lane:
    """The deliveries of one endpoint. An endpoint that fails is asked one at a time, and more and more rarely, until it
    answers well; from then on twice as many with each delivery, up to IN_FLIGHT_MAX. One that asks for time is given
    it."""

    def __init__(self, endpoint_id: str, desk: Desk) -> None:
        self._endpoint_id = endpoint_id
        self._desk = desk
        self._width = 1
        self._failures = 0
        self._rest_until_us = 0
        self._ready: deque[Due] = deque()
        self._in_flight: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._is_stopping = False

    @property
    def is_woken(self) -> bool:
        """Whether there may be something to do."""
        return self._woken.is_set()

    def wake(self) -> None:
        """Look again: something is due."""
        self._woken.set()

    def changed(self) -> None:
        """Look again: the endpoint is another, so what it asked for before counts no more."""
        self._rest_until_us = 0
        self._woken.set()

    async def work(self) -> None:
        """Deliver until there is nothing left. Raises what the desk raises."""
        try:
            while await self._turn():
                pass
        finally:
            for task in self._in_flight.values():
                task.cancel()
            await asyncio.gather(*self._in_flight.values(), return_exceptions=True)

    def stop(self) -> None:
        """Begin nothing more; `work` returns when what is in flight is done."""
        self._is_stopping = True
        self._woken.set()

    async def _turn(self) -> bool:
        """Do what can be done now, and wait for what comes next; False: nothing is left."""
        self._woken.clear()
        self._collect()
        if self._is_stopping:
            await asyncio.gather(*self._in_flight.values())
            return False
        standing = self._desk.standing(self._endpoint_id)
        next_at_us: int | None = None
        match standing:
            case Standing.OPEN:
                next_at_us = await self._start()
            case Standing.UNCLEAR:
                self._ready.clear()
            case Standing.DISABLED:
                await self._fail_all()
            case Standing.REVOKED:
                self._ready.clear()
                await self._desk.forget(self._endpoint_id)
        is_idle = not self._in_flight and next_at_us is None and standing is not Standing.UNCLEAR
        if is_idle and not self._woken.is_set():
            return False
        await self._wait(next_at_us)
        return True

    def _collect(self) -> None:
        """Forget what was done, or raise why it could not be."""
        for key, task in list(self._in_flight.items()):
            if task.done():
                del self._in_flight[key]
                task.result()

    async def _start(self) -> int | None:
        """Attempt as many as may be in flight; where no more may be now, return when there is more."""
        while len(self._in_flight) < self._width:
            now_us = self._desk.now_us()
            if now_us < self._rest_until_us:
                return self._rest_until_us
            if not self._ready:
                await self._read_ahead(now_us)
            if not self._ready:
                # Of the same moment: what becomes due between two moments would be in neither answer.
                return await self._desk.next_at_us(self._endpoint_id, after_us=now_us)
            due = self._ready.popleft()
            if self._desk.is_live(due.partition):
                self._in_flight[due.key] = asyncio.create_task(self._deliver(due))
        return None

    async def _read_ahead(self, until_us: int) -> None:
        in_flight = set(self._in_flight)
        # What is in flight is found again: it stays due until it is recorded.
        most = len(in_flight) + self._width * READ_AHEAD
        found = await self._desk.due(self._endpoint_id, most, until_us=until_us)
        self._ready.extend(due for due in found if due.key not in in_flight)

    async def _deliver(self, due: Due) -> None:
        with metrics.IN_FLIGHT.track_inprogress():
            attempted = await self._desk.attempt(due)
        delivery = attempted.delivery
        await self._desk.record([(due.partition, delivery)])
        if delivery.outcome is Outcome.DELIVERED:
            self._width, self._failures = min(self._width * 2, IN_FLIGHT_MAX), 0
            return
        self._width, self._failures = 1, self._failures + 1
        paused_until_us = self._desk.now_us() + int(pause_s(self._failures) * SECOND_US)
        self._rest_until_us = max(self._rest_until_us, attempted.rest_until_us, paused_until_us)
        if delivery.status_code == GONE:
            await self._desk.disable(self._endpoint_id, DisabledReason.GONE)
        elif await self._desk.fails_for_long(self._endpoint_id):
            await self._desk.disable(self._endpoint_id, DisabledReason.FAILING)

    async def _fail_all(self) -> None:
        """Record all that is due, now or later, as failed, as it becomes its payment's first."""
        self._ready.clear()
        await asyncio.gather(*self._in_flight.values())
        self._collect()
        while self._desk.standing(self._endpoint_id) is Standing.DISABLED:
            now_us = self._desk.now_us()
            due = await self._desk.due(self._endpoint_id, FAILED_AT_ONCE_MAX, until_us=EVER_US)
            if not due:
                await self._desk.begin_anew(self._endpoint_id)
                return
            await self._desk.record([(each.partition, not_attempted(each, now_us=now_us)) for each in due])

    async def _wait(self, next_at_us: int | None) -> None:
        wait_s = None if next_at_us is None else max(0.0, (next_at_us - self._desk.now_us()) / SECOND_US)
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait([woken, *self._in_flight.values()], timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()


def pause_s(failures: int) -> float:
    """Return how long an endpoint is left alone after so many failures in a row; one alone says little of it."""
    if failures < 2:
        return 0.0
    # Of so many more the bound is reached anyway, and no float is too small for it.
    return min(PAUSE_S_MIN * 2.0 ** min(failures - 2, 16), PAUSE_S_MAX)
