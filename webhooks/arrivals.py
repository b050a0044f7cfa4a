"""Takes up partitions that were read to their end: attempts that are on the log are not made again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

import structlog

from kafka_log.group_reader import Told
from webhooks.delivery_log import Attempt, DeliveryLog
from webhooks.pending import Place
from webhooks.store import Store

log = structlog.get_logger(__name__)

Live = Callable[[int], Awaitable[None]]


def place_told(told: Told | None) -> Place:
    """Return from where a partition's state is rebuilt, as its group was told; from the beginning, when it was not."""
    if told is None:
        return Place(next_event=0)
    try:
        note = json.loads(told.note)
        return Place(
            next_event=told.offset,
            next_request=int(note["requests"]),
            next_notice=int(note["notices"]),
            since_us=int(note["since_us"]),
            taken_until_us=int(note["taken_until_us"]),
        )
    except (ValueError, KeyError, TypeError):
        # All attempts that are kept are read then: slow, not wrong.
        log.warning("note_not_understood", note=told.note)
        return Place(next_event=told.offset)


def told_of(place: Place) -> Told:
    """Return what the group is told, so that a state that is lost can be rebuilt."""
    note = {
        "requests": place.next_request,
        "notices": place.next_notice,
        "since_us": place.since_us,
        "taken_until_us": place.taken_until_us,
    }
    return Told(offset=place.next_event, note=json.dumps(note, separators=(",", ":")))


class Arrivals:
    """Partitions between having been read to their end and being `live`: some at a time, in a thread of their own."""

    def __init__(self, deliveries: DeliveryLog, store: Store, live: Live) -> None:
        self._deliveries = deliveries
        self._store = store
        self._live = live
        # An object each time: a partition that went and came again has arrived anew.
        self._waiting: dict[int, object] = {}
        self._something = asyncio.Event()

    def came(self, partition: int) -> None:
        """All events of a partition, up to now, are taken."""
        self._waiting[partition] = object()
        self._something.set()

    def went(self, partition: int) -> None:
        self._waiting.pop(partition, None)

    async def work(self) -> None:
        """Make partitions live, until cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            arrived = dict(self._waiting)
            await asyncio.to_thread(self._apply, sorted(arrived))
            if self._deliveries.is_stopping:
                return
            for partition, arrival in arrived.items():
                if self._waiting.get(partition) is arrival:
                    del self._waiting[partition]
                    await self._live(partition)

    def _apply(self, partitions: Sequence[int]) -> None:
        """Apply to the state what stands on the log behind it, in order."""
        places = self._store.do_blocking(lambda pending: {each: pending.place(each) for each in partitions})
        known = {each: place for each, place in places.items() if place is not None}
        lost = {each: place.since_us for each, place in known.items() if place.next_delivery is None}
        nexts = {each: place.next_delivery for each, place in known.items() if place.next_delivery is not None}
        ends: dict[int, int] = {}
        if lost:
            ends |= self._deliveries.since(lost, min(lost.values()), self._record)
        if nexts:
            ends |= self._deliveries.read(nexts, self._record)
        self._store.do_blocking(lambda pending: pending.record([], ends))
        log.info("attempts_read", partitions=list(partitions), rebuilt=sorted(lost))

    def _record(self, attempts: Sequence[Attempt]) -> None:
        # How far that leads is written in the end: to read a part again changes nothing.
        made = [(each.partition, each.delivery) for each in attempts]
        self._store.do_blocking(lambda pending: pending.record(made, {}))
