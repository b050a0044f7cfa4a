"""Records of payment-events become what is due to whom, once, whatever is read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Message

from payments.payment import EventType, Payment
from schemas.codec import encode
from tests.unit.payments.histories import MARCH, after_all, claimed, returned, settled
from tests.unit.webhooks.deliveries import attempted
from tests.unit.webhooks.endpoints import KEYRING, endpoint_record
from webhooks import metrics
from webhooks.endpoints import Endpoints
from webhooks.pending import Pending, Place
from webhooks.retries import Schedule
from webhooks.taker import Taker
from webhooks.taking import LATE_US

NOW_US = 1_796_083_200_000_000
LIFE = after_all([MARCH, claimed(), settled(), returned()])
PAYMENT = LIFE[0].payment_id


class StandingClock:
    def now_us(self) -> int:
        return NOW_US

    def system_us(self) -> int:
        return NOW_US


class World:
    """A state, endpoints, and records as they are read."""

    def __init__(self, folder: Path, place: Place) -> None:
        self.pending = Pending(folder / "state.sqlite")
        self.pending.begin(0, place)
        self.endpoints = Endpoints(KEYRING, lambda _: None)
        clock = StandingClock()
        self.taker = Taker(self.pending, self.endpoints, Schedule(), clock)  # type: ignore[arg-type]

    def read(self, *records: tuple[int, Payment | bytes], written_us: int = NOW_US) -> set[str]:
        """Take records at these offsets."""
        return self.taker.take([record_of(offset, value, written_us) for offset, value in records])

    def due(self, endpoint_id: str) -> list[int]:
        """Return what an endpoint is told, one after the other, each being delivered."""
        found = []
        while items := self.pending.due(endpoint_id, [0], until_us=NOW_US, most=1):
            found.append(items[0].sequence)
            self.pending.record([(0, attempted(items[0]))], {})
        return found


def record_of(offset: int, value: Payment | bytes, written_us: int) -> Message:
    return Message(
        topic="payment-events",
        partition=0,
        offset=offset,
        key=PAYMENT.encode(),
        value=value if isinstance(value, bytes) else encode(value),
        timestamp=(1, written_us // 1000),
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    running = World(tmp_path, Place(next_event=0))
    yield running
    running.pending.close()


def test_each_record_brings_its_transition_to_each_endpoint_that_wants_it(world: World) -> None:
    all_of_it, returns, other = (
        endpoint_record(),
        endpoint_record(events=(EventType.RETURNED,)),
        endpoint_record(tenant_id="other"),
    )
    for record in (all_of_it, returns, other):
        world.endpoints.take(record)
    assert world.read((0, LIFE[0]), (2, LIFE[1])) == {all_of_it.entity_id}
    assert world.read((4, LIFE[2]), (5, LIFE[3])) == {all_of_it.entity_id, returns.entity_id}
    assert world.due(all_of_it.entity_id) == [1, 2, 3, 4]
    assert world.due(returns.entity_id) == [4]
    assert world.due(other.entity_id) == []
    place = world.pending.place(0)
    assert place is not None
    assert place.next_event == 6


def test_what_is_read_again_is_not_told_again(world: World) -> None:
    record = endpoint_record()
    world.endpoints.take(record)
    world.read((0, LIFE[0]), (1, LIFE[1]))
    world.due(record.entity_id)
    assert world.read((0, LIFE[0]), (1, LIFE[1])) == set()
    assert world.due(record.entity_id) == []


def test_a_record_that_stands_for_several_brings_all_of_them(world: World) -> None:
    record = endpoint_record()
    world.endpoints.take(record)
    world.read((0, LIFE[0]))
    # Compaction has left the last of the others.
    world.read((9, LIFE[3]), written_us=NOW_US - 2 * LATE_US)
    assert world.due(record.entity_id) == [1, 2, 3, 4]


def test_of_a_late_record_of_a_payment_that_is_not_known_what_happened_since_the_last_one_was_taken_is_new(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, Place(next_event=5, taken_until_us=LIFE[2].updated_at_us))
    record = endpoint_record()
    world.endpoints.take(record)
    world.read((9, LIFE[3]), written_us=NOW_US - 2 * LATE_US)
    assert world.due(record.entity_id) == [3, 4]
    world.pending.close()


def test_until_there_is_an_endpoint_nothing_is_read_but_how_far(world: World) -> None:
    assert world.read((0, b"not even a payment")) == set()
    world.endpoints.take(endpoint_record(tenant_id="other"))
    assert world.read((1, b"not even a payment"), (2, LIFE[0])) == set()
    assert world.pending.sequence_taken(PAYMENT) is None
    place = world.pending.place(0)
    assert place is not None
    assert place.next_event == 3


def test_what_is_taken_again_after_a_loss_counts_from_when_the_lost_state_began(tmp_path: Path) -> None:
    world = World(tmp_path, Place(next_event=5, since_us=NOW_US - 1000))
    world.endpoints.take(endpoint_record())
    world.read((5, LIFE[0]))
    for _ in range(2):
        place = world.pending.rebuilt_from(0, NOW_US)
        assert place is not None
        assert (place.next_event, place.since_us) == (5, NOW_US - 1000)
        # From here on it is live: what comes now is known now, and what came before as before.
        world.pending.record([], {0: 7})
        world.read((6, LIFE[1]))
    world.pending.close()


def test_records_of_a_tenant_without_endpoints_are_passed_over_unread(world: World) -> None:
    broken = encode(LIFE[0])[:-9]
    unreadable = metrics.UNREADABLE._value.get
    before = unreadable()
    world.endpoints.take(endpoint_record(tenant_id="other"))
    assert world.read((0, broken), (1, LIFE[1])) == set()
    assert unreadable() == before
    place = world.pending.place(0)
    assert place is not None
    assert place.next_event == 2
    assert world.pending.sequence_taken(PAYMENT) is None

    record = endpoint_record()
    world.endpoints.take(record)
    assert world.read((2, broken), (3, LIFE[2])) == {record.entity_id}
    assert unreadable() == before + 1
    assert world.due(record.entity_id) == [3]
