"""What is asked for on webhook-requests is done on every partition, whenever that comes, for endpoints as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Message
from msgspec.structs import replace

from kafka_log.reader import Place as LogPlace
from schemas import codec
from schemas.deliveries import Outcome, WebhookReplay
from tests.unit.webhooks.deliveries import ENDPOINT, attempted, due
from tests.unit.webhooks.endpoints import KEYRING, endpoint_record
from webhooks.delivery_log import Attempt
from webhooks.endpoints import Endpoints
from webhooks.pending import Pending, Place
from webhooks.replays import Replays
from webhooks.store import Store

NOW_US = 1_000_000


def request(number: int, **wish: Any) -> WebhookReplay:
    return WebhookReplay(
        request_id=f"{number:08d}-0000-4000-8000-000000000000",
        endpoint_id=ENDPOINT,
        tenant_id="demo",
        requested_at_us=number,
        **wish,
    )


class Requests:
    """A topic of one partition, read as `kafka_log.reader.LogReader` reads it."""

    def __init__(self, *records: WebhookReplay) -> None:
        self._records = records
        self._next = 0

    def assign(self, offsets: Mapping[LogPlace, int]) -> None:
        [self._next] = offsets.values()

    def read(self, records_max: int, timeout_s: float) -> list[Message]:
        first, self._next = self._next, len(self._records)
        return [
            Message(topic="webhook-requests", partition=0, offset=offset, value=codec.encode(self._records[offset]))
            for offset in range(first, len(self._records))
        ]

    def first_offsets(self, topic: str) -> dict[int, int]:
        return {0: 0}

    def close(self) -> None: ...


class Deliveries:
    """A log of one failed attempt a partition; `meanwhile` is called each time that it is read."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile
        self.is_stopping = False
        self.read: list[list[int]] = []

    def since(
        self, partitions: Iterable[int], at_us: int, take: Callable[[Sequence[Attempt]], None], *, endpoint_id: str
    ) -> None:
        numbers = list(partitions)
        self.read.append(numbers)
        take([Attempt(partition=n, offset=0, delivery=failed(n)) for n in numbers])
        self._meanwhile()


def failed(partition: int) -> Any:
    payment_id = f"{partition:08d}-1111-4111-8111-111111111111"
    return attempted(due(1, payment_id=payment_id, partition=partition), Outcome.FAILED)


class World:
    """Replays on partitions 0 and 1, both begun."""

    def __init__(self, folder: Path, live: set[int], *requests: WebhookReplay) -> None:
        self.pending = Pending(folder / "state.sqlite")
        for partition in (0, 1):
            self.pending.begin(partition, Place(next_event=0))
        self.store = Store(self.pending)
        self.live = live
        self.happened: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.deliveries = Deliveries(self._meanwhile)
        endpoints = Endpoints(KEYRING, lambda _: None)
        endpoints.take(endpoint_record(ENDPOINT))
        self.replays = Replays(
            Requests(*requests),
            self.deliveries,  # type: ignore[arg-type]
            endpoints,
            self.store,
            live=live,
            wake=lambda _: self.happened.append("woken"),
            catch_up=self._catch_up,
            system_us=lambda: NOW_US,
        )
        self.loop = asyncio.get_running_loop()

    def _meanwhile(self) -> None:
        self.loop.call_soon_threadsafe(self.meanwhile)

    async def _catch_up(self) -> bool:
        self.happened.append("endpoints known")
        return True

    async def work_until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        work = asyncio.create_task(self.replays.work())
        try:
            for _ in range(2000):
                if await condition():
                    return
                await asyncio.sleep(0.005)
            raise AssertionError(f"it did not come to that: {await self.nexts()}")
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await self.replays.close()
            await self.store.close()

    async def nexts(self, partitions: Collection[int] = (0, 1)) -> list[int]:
        places = await self.store.do(lambda pending: [pending.place(each) for each in partitions])
        return [place.next_request for place in places if place is not None]


def test_a_partition_that_comes_while_others_are_being_replayed_misses_no_request(tmp_path: Path) -> None:
    async def tell() -> list[list[int]]:
        world = World(tmp_path, {0}, *(request(n) for n in range(3)))

        def comes() -> None:
            if 1 not in world.live:
                world.replays.partition_came(1)
                world.live.add(1)

        world.meanwhile = comes
        world.replays.partition_came(0)

        async def is_done() -> bool:
            return await world.nexts() == [3, 3]

        await world.work_until(is_done)
        return world.deliveries.read

    read = asyncio.run(tell())
    # Each request on each partition once, whichever were done together.
    assert sorted(partition for numbers in read for partition in numbers) == [0, 0, 0, 1, 1, 1]


def test_what_is_found_is_due_to_the_endpoint_as_it_is_when_it_is_found(tmp_path: Path) -> None:
    async def tell() -> list[str]:
        world = World(tmp_path, {0}, replace(request(0), failed_only=True))
        world.replays.partition_came(0)

        async def is_done() -> bool:
            return await world.nexts([0]) == [1]

        await world.work_until(is_done)
        return world.happened

    happened = asyncio.run(tell())
    assert happened[0] == "endpoints known"
    assert "woken" in happened


def test_a_request_that_is_repeated_is_done_once(tmp_path: Path) -> None:
    async def tell() -> list[list[int]]:
        world = World(tmp_path, {0}, request(0), request(0))
        world.replays.partition_came(0)

        async def is_done() -> bool:
            return await world.nexts([0]) == [2]

        await world.work_until(is_done)
        return world.deliveries.read

    assert asyncio.run(tell()) == [[0]]
