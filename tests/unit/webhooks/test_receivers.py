"""What becomes of deliveries to receivers that behave in each way that there is: on sockets, all but Kafka as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from business_clock import clock_of
from directory.changes import DirectoryCommand
from directory.webhook_endpoint import DisabledReason, WebhookEndpoint
from kafka_log.producer import OutRecord, Position
from schemas import codec
from schemas.deliveries import Outcome, WebhookDelivery
from tests.unit.webhooks.deliveries import OTHER_PAYMENT, PAYMENT, due, new
from tests.unit.webhooks.endpoints import KEYRING, SECRET, endpoint_record, secret_record
from tests.unit.webhooks.receivers import HERE, Receiver, SaidNames
from webhooks.connections import Address, open_connector
from webhooks.desk import DeliveryDesk
from webhooks.disabling import Disabler
from webhooks.endpoints import Endpoints
from webhooks.lanes import Lanes
from webhooks.pending import Pending, Place, Taken
from webhooks.post import Poster
from webhooks.recorder import Recorder
from webhooks.retries import SECOND_US, Schedule
from webhooks.store import Store

HANGS_S = 0.3
WAIT_S = 0.05
SCHEDULE = Schedule(delays_s=(0.0, WAIT_S, WAIT_S), chance=lambda: 0.0)
MOVED = "127.0.0.2"


class Deliveries:
    """A receiver, an endpoint at `place` (host and path), and what is delivered to it; `log` is Kafka's."""

    def __init__(self, folder: Path, receiver: Receiver, port: int, place: str, names: Mapping[str, list[str]]) -> None:
        host, _, path = place.partition("/")
        self.receiver = receiver
        self.record = endpoint_record(url=f"http://{host}:{port}/{path}")
        self.log: list[WebhookDelivery] = []
        self.asked: list[DirectoryCommand] = []
        self.wrote = asyncio.Event()
        self._live = {0}
        pending = Pending(folder / "state.sqlite")
        pending.begin(0, Place(next_event=0, next_delivery=0))
        self._store = Store(pending)
        endpoints = Endpoints(KEYRING, lambda _: None)
        endpoints.take(self.record)
        endpoints.take_secret(secret_record(self.record.entity_id))
        clock = clock_of(None)
        self._poster = Poster(open_connector(SaidNames(names), is_allowed), answer_s_max=HANGS_S)
        self._recorder = Recorder(self._send, self._apply, self._live)
        self._lanes = Lanes(
            DeliveryDesk(
                endpoints=endpoints,
                store=self._store,
                poster=self._poster,
                recorder=self._recorder,
                disabler=Disabler(endpoints, self._send, clock),
                schedule=SCHEDULE,
                clock=clock,
                live=self._live,
                disable_after_s=3600.0,
            )
        )
        self._recording = asyncio.create_task(self._recorder.work())

    async def tell(self, *payments: str) -> None:
        """Let the first event of these payments be due."""
        of = self.record.entity_id
        taken = [new(due(1, endpoint_id=of, payment_id=each)) for each in payments]
        await self._store.do(lambda pending: pending.take(Taken(due=taken, payments={}, places={0: (1, 0)})))
        self._lanes.wake([of])

    async def attempts(self, count: int) -> list[WebhookDelivery]:
        """Return the first attempts, when so many are on the log."""
        while len(self.log) < count:
            self.wrote.clear()
            await asyncio.wait_for(self.wrote.wait(), 20)
        return self.log[:count]

    async def close(self) -> None:
        await self._lanes.stop(grace_s=0)
        self._recording.cancel()
        await asyncio.gather(self._recording, return_exceptions=True)
        self.receiver.let_go()
        await self._poster.close()
        await self._store.close()

    async def _send(self, records: Sequence[OutRecord]) -> list[Position]:
        for each in records:
            value = codec.decode(each.value)
            if isinstance(value, WebhookDelivery):
                self.log.append(value)
            elif isinstance(value, DirectoryCommand):
                self.asked.append(value)
        self.wrote.set()
        return [Position(topic=each.topic, partition=0, offset=len(self.log)) for each in records]

    async def _apply(self, made: Sequence[tuple[int, WebhookDelivery]], nexts: Mapping[int, int]) -> None:
        await self._store.do(lambda pending: pending.record(made, nexts))


def is_allowed(address: Address) -> bool:
    """The receiver's own address stands for the public ones, and MOVED for all others."""
    return address == ip_address(HERE)


def to(
    place: str,
    folder: Path,
    story: Callable[[Deliveries], Awaitable[None]],
    *,
    names: Mapping[str, list[str]] | None = None,
) -> None:
    async def tell() -> None:
        receiver = Receiver()
        app = web.Application()
        app.router.add_post("/{path:.*}", receiver.answer)
        async with TestServer(app, host=HERE) as server:
            deliveries = Deliveries(folder, receiver, int(server.port or 0), place, names or {})
            try:
                await story(deliveries)
            finally:
                await deliveries.close()

    asyncio.run(tell())


def test_a_good_one_is_told_once_and_can_verify_it(tmp_path: Path) -> None:
    async def story(deliveries: Deliveries) -> None:
        await deliveries.tell(PAYMENT)
        [delivery] = await deliveries.attempts(1)
        assert (delivery.outcome, delivery.status_code, delivery.attempt) == (Outcome.DELIVERED, 200, 1)
        [request], [body] = deliveries.receiver.got, deliveries.receiver.bodies
        Webhook(SECRET).verify(body, dict(request.headers))

    to(f"{HERE}/200", tmp_path, story)


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("500", 500, "answered 500"),
        ("hang", None, "no answer within 0.3 s"),
        ("drop", None, "the connection was dropped before an answer"),
        ("redirect", 307, "answered 307; redirects are not followed"),
    ],
)
def test_one_that_fails_is_asked_again_by_the_schedule_and_then_given_up(
    tmp_path: Path, path: str, status: int | None, error: str
) -> None:
    async def story(deliveries: Deliveries) -> None:
        await deliveries.tell(PAYMENT)
        log = await deliveries.attempts(3)
        assert [it.outcome for it in log] == [Outcome.RETRYING, Outcome.RETRYING, Outcome.FAILED]
        assert {(it.status_code, it.error) for it in log} == {(status, error)}
        for former, later in pairwise(log):
            assert former.next_attempt_at_us is not None
            assert later.attempted_at_us >= former.next_attempt_at_us
            assert former.next_attempt_at_us >= former.attempted_at_us + WAIT_S * SECOND_US
        # Wherever a redirect leads, here to this machine, nothing is sent there.
        assert [request.path for request in deliveries.receiver.got] == [f"/{path}"] * 3
        assert deliveries.asked == []

    to(f"{HERE}/{path}", tmp_path, story)


def test_one_that_is_gone_is_asked_once_and_to_be_disabled(tmp_path: Path) -> None:
    async def story(deliveries: Deliveries) -> None:
        await deliveries.tell(PAYMENT, OTHER_PAYMENT)
        [gone] = await deliveries.attempts(1)
        assert (gone.outcome, gone.status_code) == (Outcome.FAILED, 410)
        while not deliveries.asked:
            deliveries.wrote.clear()
            await asyncio.wait_for(deliveries.wrote.wait(), 20)
        [command] = deliveries.asked
        assert isinstance(command.entity, WebhookEndpoint)
        assert (command.entity.enabled, command.entity.disabled_reason) == (False, DisabledReason.GONE)
        # Until the directory has it nothing more is asked.
        await asyncio.sleep(3 * WAIT_S)
        assert len(deliveries.receiver.got) == len(deliveries.log) == 1

    to(f"{HERE}/410", tmp_path, story)


def test_one_that_asks_for_a_second_is_asked_nothing_for_a_second(tmp_path: Path) -> None:
    async def story(deliveries: Deliveries) -> None:
        await deliveries.tell(PAYMENT, OTHER_PAYMENT)
        [refused, *delivered] = await deliveries.attempts(3)
        assert (refused.outcome, refused.status_code) == (Outcome.RETRYING, 429)
        assert [it.outcome for it in delivered] == [Outcome.DELIVERED] * 2
        assert min(it.attempted_at_us for it in delivered) >= refused.attempted_at_us + SECOND_US

    to(f"{HERE}/patience-once", tmp_path, story)


def test_one_whose_name_changes_its_address_is_not_followed_to_one_that_is_not_public(tmp_path: Path) -> None:
    async def story(deliveries: Deliveries) -> None:
        await deliveries.tell(PAYMENT)
        log = await deliveries.attempts(3)
        assert log[0].error == "the connection was dropped before an answer"
        assert [it.error for it in log[1:]] == [f"no connection: {MOVED} is not a public address"] * 2
        assert len(deliveries.receiver.got) == 1

    to("moves.example/drop", tmp_path, story, names={"moves.example": [HERE, MOVED]})
