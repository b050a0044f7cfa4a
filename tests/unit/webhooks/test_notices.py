"""The tenant's other endpoints are told, once, when one of them was disabled and its owner did not ask for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from directory.changes import Changed, DirectoryCommand, DirectoryRecord, change
from directory.webhook_endpoint import DisabledReason, NoticeType, WebhookEndpoint
from kafka_log.producer import OutRecord, Position
from payments.payment import EventType
from schemas import codec
from tests.unit.payments.histories import T0_US
from tests.unit.webhooks.deliveries import attempted
from tests.unit.webhooks.endpoints import KEYRING, disabled, enabled, endpoint_record, revoked
from webhooks.disabling import Disabler
from webhooks.endpoints import Endpoints
from webhooks.notice import Notice, due_of, notice_of
from webhooks.notices import Notices
from webhooks.pending import Due, Pending, Place
from webhooks.store import Store

NOW_US = T0_US + 1000


class StandingClock:
    def now_us(self) -> int:
        return NOW_US

    def system_us(self) -> int:
        return NOW_US


def automatically_disabled(record: DirectoryRecord, reason: DisabledReason = DisabledReason.GONE) -> DirectoryRecord:
    """Return what the directory makes of the dispatcher's wish to disable an endpoint."""
    asked: list[DirectoryCommand] = []

    async def send(records: Iterable[OutRecord]) -> list[Position]:
        for each in records:
            command = codec.decode(each.value)
            assert isinstance(command, DirectoryCommand)
            asked.append(command)
        return []

    endpoints = Endpoints(KEYRING, lambda _: None)
    endpoints.take(record)
    asyncio.run(Disabler(endpoints, send, StandingClock()).disable(record.entity_id, reason))  # type: ignore[arg-type]
    decided = change(asked[0], record)
    assert isinstance(decided, Changed)
    return decided.record


def notice(record: DirectoryRecord, *, offset: int = 7) -> Notice:
    found = notice_of(record, partition=0, offset=offset)
    assert found is not None
    return found


@pytest.mark.parametrize("reason", [DisabledReason.GONE, DisabledReason.FAILING])
def test_a_notice_is_what_disabled_an_endpoint_and_neither_its_owner_nor_what_is_changed_later(
    reason: DisabledReason,
) -> None:
    record = endpoint_record()
    off = automatically_disabled(record, reason)
    assert isinstance(off.entity, WebhookEndpoint)
    assert (notice(off).record, off.entity.enabled, off.entity.disabled_reason) == (off, False, reason)
    moved = replace(off, version=off.version + 1, changed_by=record.created_by)
    for other in (record, disabled(record), moved, enabled(off), replace(off, version=off.version + 1)):
        assert notice_of(other, partition=0, offset=0) is None


def told(record: DirectoryRecord, *others: DirectoryRecord) -> list[Due]:
    endpoints = Endpoints(KEYRING, lambda _: None)
    for each in (record, *others):
        endpoints.take(each)
    return list(due_of(notice(record), endpoints))


def test_those_are_told_that_were_there_and_ask_for_it_and_not_the_endpoint_itself() -> None:
    off = automatically_disabled(endpoint_record(url="https://example.com/old", events=(EventType.COMPLETED,)))
    wants_all, wants_it = endpoint_record(), endpoint_record(events=(NoticeType.ENDPOINT_DISABLED,))
    others = (
        endpoint_record(events=(EventType.COMPLETED,)),
        endpoint_record(tenant_id="other"),
        endpoint_record(created_at_us=off.updated_at_us + 3600 * 1_000_000),
        revoked(endpoint_record()),
    )
    due = told(off, wants_all, *others, wants_it)
    assert [each.endpoint_id for each in due] == [wants_all.entity_id, wants_it.entity_id]
    assert {each.key for each in due} == {(off.entity_id, 2)}
    assert json.loads(due[0].body) == {
        "type": "webhook_endpoint_disabled",
        "timestamp": "2025-02-20T14:32:00.001000Z",
        "data": {
            "webhook_endpoint": {
                "id": off.entity_id,
                "url": "https://example.com/old",
                "events": ["payment_completed"],
                "enabled": False,
                "disabled_reason": "gone",
                "status": "active",
                "created_at": "2025-02-20T14:32:00.000000Z",
            }
        },
    }


class World:
    """Notices on a state of partition 0, with one endpoint that was disabled and one to be told of it."""

    def __init__(self, folder: Path, place: Place, off: DirectoryRecord) -> None:
        self.pending = Pending(folder / "state.sqlite")
        self.pending.begin(0, place)
        self.store = Store(self.pending)
        self.off, self.other = off, endpoint_record()
        self.endpoints = Endpoints(KEYRING, lambda _: None)
        self.endpoints.take(self.off)
        self.woken: list[str] = []
        self.has_woken = asyncio.Event()
        self.live = {0}
        self.may_take = True
        self.notices = Notices(
            self.endpoints,
            self.store,
            StandingClock(),  # type: ignore[arg-type]
            live=self.live,
            wake=self._wake,
            catch_up=self._catch_up,
        )

    async def _catch_up(self) -> bool:
        """The other's record comes on another partition of the directory, and later."""
        self.endpoints.take(self.other)
        return self.may_take

    def _wake(self, endpoint_ids: Iterable[str]) -> None:
        self.woken.extend(endpoint_ids)
        self.has_woken.set()

    async def due(self) -> list[Due]:
        return await self.store.do(lambda it: it.due(self.other.entity_id, [0], until_us=NOW_US, most=10))

    async def place(self) -> Place:
        place = await self.store.do(lambda it: it.place(0))
        assert place is not None
        return place


def with_world(folder: Path, story: Callable[[World], Awaitable[None]], place: Place | None = None) -> None:
    off = automatically_disabled(endpoint_record())

    async def tell() -> None:
        world = World(folder, place or Place(next_event=0, next_delivery=0), off)
        try:
            await story(world)
        finally:
            await world.store.close()

    asyncio.run(tell())


def test_a_notice_is_due_once_however_often_the_directory_is_read(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.notices.hear(notice(world.off))
        await asyncio.gather(world.notices.take([0]), world.notices.take([0]))
        [due] = await world.due()
        assert due.event_type == NoticeType.ENDPOINT_DISABLED
        assert world.woken == [world.other.entity_id]
        # Told and done with: neither another look nor a restart, which reads the directory anew, tells it again.
        await world.store.do(lambda it: it.record([(0, attempted(due))], {0: 1}))
        world.notices.hear(notice(world.off))
        await world.notices.take([0])
        assert await world.due() == []

    with_world(tmp_path, story)


def test_until_an_attempt_is_on_the_log_the_group_is_told_to_take_the_notice_again(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.notices.hear(notice(world.off, offset=7))
        await world.notices.take([0])
        assert (await world.place()).next_notice == 8

        async def rebuilt_from() -> int:
            place = await world.store.do(lambda it: it.rebuilt_from(0, NOW_US))
            assert place is not None
            return place.next_notice

        assert await rebuilt_from() == 7
        [due] = await world.due()
        await world.store.do(lambda it: it.record([(0, attempted(due))], {0: 1}))
        assert await rebuilt_from() == 8

    with_world(tmp_path, story)


def test_what_others_have_taken_or_stands_on_their_partitions_is_left_to_them(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.notices.hear(notice(world.off, offset=7))
        await world.notices.take([0])
        assert await world.due() == []
        world.notices.hear(Notice(partition=3, offset=9, record=world.off))
        await world.notices.take([0, 3])
        assert await world.due() == []

    with_world(tmp_path, story, Place(next_event=0, next_delivery=0, next_notice=8))


def test_what_cannot_be_taken_is_left_for_the_next_start(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.may_take = False
        world.notices.hear(notice(world.off))
        await world.notices.take([0])
        assert await world.due() == []
        assert (await world.place()).next_notice == 0

    with_world(tmp_path, story)


def test_a_notice_that_comes_while_it_works_is_taken(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        working = asyncio.create_task(world.notices.work())
        world.notices.hear(notice(world.off))
        await asyncio.wait_for(world.has_woken.wait(), 10)
        working.cancel()
        assert len(await world.due()) == 1

    with_world(tmp_path, story)
