"""Makes notices due, once each: the third topic that says what somebody is to be told is directory-events.

A notice belongs to the partition on which its endpoint's record stands, as an event belongs to its payment's: whoever
has that number of payment-events delivers it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import partial

import structlog

from business_clock import Clock
from webhooks import metrics
from webhooks.endpoints import Endpoints
from webhooks.notice import Notice, due_of
from webhooks.pending import NewDue, Pending, Place
from webhooks.store import Store

log = structlog.get_logger(__name__)


class Notices:
    """Takes what it `hear`s on the partitions that are `live`; `wake` tells that something is due, `catch_up` returns
    when the endpoints are known as they are by now; False: nothing may be taken any more."""

    def __init__(
        self,
        endpoints: Endpoints,
        store: Store,
        clock: Clock,
        *,
        live: Collection[int],
        wake: Callable[[Iterable[str]], None],
        catch_up: Callable[[], Awaitable[bool]],
    ) -> None:
        self._endpoints = endpoints
        self._store = store
        self._clock = clock
        self._live = live
        self._wake = wake
        self._catch_up = catch_up
        # The newest of each endpoint: one that is disabled again before anybody was told is told of once.
        self._heard: dict[str, Notice] = {}
        self._something = asyncio.Event()
        self._taking = asyncio.Lock()

    def hear(self, notice: Notice) -> None:
        """An endpoint was disabled; again, perhaps, when the directory is read anew."""
        self._heard[notice.record.entity_id] = notice
        self._something.set()

    def partition_came(self) -> None:
        """A partition is live, whose last notices may not be taken."""
        self._something.set()

    async def work(self) -> None:
        """Take what is heard, until cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            await self.take(sorted(self._live))

    async def take(self, partitions: Iterable[int]) -> None:
        """Make durable what was heard on these partitions and not taken yet."""
        async with self._taking:
            for partition in partitions:
                place = await self._store.do(partial(Pending.place, partition=partition))
                if place is not None:
                    await self._take(partition, place)

    async def _take(self, partition: int, place: Place) -> None:
        heard = [each for each in self._heard.values() if each.partition == partition]
        new = sorted((each for each in heard if each.offset >= place.next_notice), key=lambda each: each.offset)
        if not new:
            return
        # Who was there before the endpoint was disabled is told of it.
        if not await self._catch_up():
            return
        due = [each for notice in new for each in self._new_due(notice, place)]
        following = new[-1].offset + 1
        await self._store.do(lambda pending: pending.take_notices(partition, due, next_notice=following))
        self._wake({each.due.endpoint_id for each in due})

    def _new_due(self, notice: Notice, place: Place) -> list[NewDue]:
        now_us = self._clock.system_us()
        # What is taken again, in place of a state that was lost, may have been taken when that state began.
        known_us = place.since_us if place.next_delivery is None else now_us
        due = list(due_of(notice, self._endpoints))
        record = notice.record
        # Once for each time that it is taken, also when nobody else is there to be told.
        log.warning(
            "webhook_notice",
            endpoint_id=record.entity_id,
            tenant_id=record.tenant_id,
            told=[it.endpoint_id for it in due],
        )
        metrics.NOTICES.inc()
        return [NewDue(due=each, notice_offset=notice.offset, at_us=now_us, known_us=known_us) for each in due]
