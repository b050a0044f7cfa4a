"""One endpoint's lane: its order, its width, and what it does when the endpoint is gone, fails or is disabled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise

from directory.webhook_endpoint import DisabledReason
from schemas.deliveries import Outcome, WebhookDelivery
from tests.unit.webhooks.deliveries import ENDPOINT, due
from webhooks.attempts import Attempted, judged, not_attempted
from webhooks.endpoints import Standing
from webhooks.lane import IN_FLIGHT_MAX
from webhooks.lanes import Lanes
from webhooks.pending import Due
from webhooks.post import Answer
from webhooks.retries import SECOND_US, Schedule

DEAD = "99999999-9999-4999-8999-999999999999"
SCHEDULE = Schedule(delays_s=(0.0, 0.0, 3600.0), chance=lambda: 0.0)
OK, BAD, GONE = (
    Answer(status_code=200),
    Answer(status_code=500, error="answered 500"),
    Answer(status_code=410, error="x"),
)


class SmallDesk:
    """A desk in memory: endpoints answer what they are told to, and a clock stands until it is set."""

    def __init__(self) -> None:
        self.now = 1_000_000
        self.standings: dict[str, Standing] = {}
        self.waiting: dict[str, list[tuple[int, Due]]] = {}
        self.answers: dict[str, Callable[[Due], Awaitable[Answer]]] = {}
        self.recorded: list[WebhookDelivery] = []
        self.disabled: list[tuple[str, DisabledReason]] = []
        self.forgotten: list[str] = []
        self.anew: list[str] = []
        self.in_flight: dict[str, int] = {}
        self.most_in_flight: dict[str, int] = {}
        self.fails_long = False
        self.looking_takes_us = 0
        self.time_flies_us = 0
        self.is_running = False

    def add(self, *items: Due) -> None:
        for each in items:
            self.waiting.setdefault(each.endpoint_id, []).append((self.now, each))

    def now_us(self) -> int:
        self.now += self.time_flies_us
        return self.now + (time.monotonic_ns() // 1000 if self.is_running else 0)

    def standing(self, endpoint_id: str) -> Standing:
        return self.standings.get(endpoint_id, Standing.OPEN)

    def is_live(self, partition: int) -> bool:
        return True

    def _heads(self, endpoint_id: str) -> list[tuple[int, Due]]:
        first: dict[str, tuple[int, Due]] = {}
        for at_us, each in self.waiting.get(endpoint_id, []):
            known = first.get(each.payment_id)
            if known is None or each.sequence < known[1].sequence:
                first[each.payment_id] = (at_us, each)
        return list(first.values())

    async def due(self, endpoint_id: str, most: int, *, until_us: int) -> list[Due]:
        await asyncio.sleep(0)
        found = [each for at_us, each in self._heads(endpoint_id) if at_us <= until_us][:most]
        self.now += self.looking_takes_us
        return found

    async def next_at_us(self, endpoint_id: str, *, after_us: int) -> int | None:
        return min((at_us for at_us, _ in self._heads(endpoint_id) if at_us > after_us), default=None)

    async def attempt(self, due: Due) -> Attempted:
        endpoint_id = due.endpoint_id
        self.in_flight[endpoint_id] = self.in_flight.get(endpoint_id, 0) + 1
        self.most_in_flight[endpoint_id] = max(self.most_in_flight.get(endpoint_id, 0), self.in_flight[endpoint_id])
        try:
            answer = await self.answers[endpoint_id](due)
        finally:
            self.in_flight[endpoint_id] -= 1
        return judged(due, answer, SCHEDULE, began_us=self.now, now_us=self.now)

    async def record(self, made: Sequence[tuple[int, WebhookDelivery]]) -> None:
        await asyncio.sleep(0)
        for _, delivery in made:
            self.recorded.append(delivery)
            key = (delivery.payment_id, delivery.sequence)
            rest = [(at_us, each) for at_us, each in self.waiting[delivery.endpoint_id] if each.key != key]
            self.waiting[delivery.endpoint_id] = rest
            if delivery.next_attempt_at_us is not None:
                again = due(delivery.sequence, endpoint_id=delivery.endpoint_id, payment_id=delivery.payment_id)
                again = Due(**{name: getattr(again, name) for name in Due.__struct_fields__} | {
                    "attempts": delivery.attempt, "tries": delivery.tries,
                })  # fmt: skip
                rest.append((delivery.next_attempt_at_us, again))

    async def fails_for_long(self, endpoint_id: str) -> bool:
        return self.fails_long

    async def disable(self, endpoint_id: str, reason: DisabledReason) -> None:
        self.disabled.append((endpoint_id, reason))
        self.standings[endpoint_id] = Standing.UNCLEAR

    async def begin_anew(self, endpoint_id: str) -> None:
        self.anew.append(endpoint_id)

    async def forget(self, endpoint_id: str) -> None:
        self.forgotten.append(endpoint_id)
        self.waiting.pop(endpoint_id, None)

    def outcomes(self, endpoint_id: str = ENDPOINT) -> list[tuple[str, int, str]]:
        return [(it.payment_id, it.sequence, it.outcome.value) for it in self.recorded if it.endpoint_id == endpoint_id]


def with_lanes(story: Callable[[SmallDesk, Lanes], Awaitable[None]]) -> SmallDesk:
    async def tell() -> SmallDesk:
        desk = SmallDesk()
        lanes = Lanes(desk)
        try:
            await story(desk, lanes)
            assert not lanes.failed.done()
        finally:
            await lanes.stop(grace_s=0)
        return desk

    return asyncio.run(tell())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come to that")


def payments(count: int) -> list[str]:
    return [f"{n:08d}-0000-4000-8000-000000000000" for n in range(count)]


async def says_ok(_: Due) -> Answer:
    return OK


async def says_bad(_: Due) -> Answer:
    return BAD


async def never(_: Due) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


def test_events_of_a_payment_are_attempted_in_order_each_after_the_one_before_is_delivered_or_has_failed() -> None:
    answers = iter([BAD, OK, OK])

    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        async def say(_: Due) -> Answer:
            return next(answers)

        desk.time_flies_us = SECOND_US
        desk.answers[ENDPOINT] = say
        desk.add(due(2), due(1))
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 3)

    outcomes = [(sequence, outcome) for _, sequence, outcome in with_lanes(story).outcomes()]
    assert outcomes == [(1, "retrying"), (1, "delivered"), (2, "delivered")]


def test_a_lane_waits_for_the_next_time_and_ends_when_nothing_is_left() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        desk.time_flies_us = SECOND_US
        desk.answers[ENDPOINT] = says_bad
        desk.add(due(1))
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 2)
        await asyncio.sleep(0.01)
        assert lanes.endpoint_ids == [ENDPOINT], "it waits for its third attempt, in an hour"
        assert len(desk.recorded) == 2
        desk.now += 3600 * SECOND_US
        desk.answers[ENDPOINT] = says_ok
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 3)
        await until(lambda: not lanes.endpoint_ids)

    assert [it.attempt for it in with_lanes(story).recorded] == [1, 2, 3]


def test_after_its_last_attempt_a_delivery_has_failed_for_good() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        desk.time_flies_us = SECOND_US
        desk.answers[ENDPOINT] = says_bad
        desk.add(due(1), due(2))
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 2)
        desk.now += 3600 * SECOND_US
        desk.answers[ENDPOINT] = says_ok
        # The last attempt of the first is bad, then the second is delivered.
        answers = iter([BAD, OK])

        async def say(_: Due) -> Answer:
            return next(answers)

        desk.answers[ENDPOINT] = say
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 4)

    assert with_lanes(story).outcomes()[2:] == [(due().payment_id, 1, "failed"), (due().payment_id, 2, "delivered")]


def test_an_endpoint_that_hangs_has_one_request_in_flight_and_holds_up_nobody_else() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        desk.answers[DEAD], desk.answers[ENDPOINT] = never, says_ok
        desk.add(
            *(due(1, endpoint_id=each, payment_id=payment) for payment in payments(200) for each in (DEAD, ENDPOINT))
        )
        lanes.wake([DEAD, ENDPOINT])
        await until(lambda: len(desk.recorded) == 200)
        assert desk.outcomes(DEAD) == []
        assert desk.in_flight[DEAD] == 1

    with_lanes(story)


def test_an_endpoint_that_delivers_is_given_more_at_once_up_to_a_bound_and_one_that_fails_one_at_a_time() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        async def say(_: Due) -> Answer:
            await asyncio.sleep(0.001)
            return OK

        desk.answers[ENDPOINT] = say
        desk.add(*(due(1, payment_id=payment) for payment in payments(200)))
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 200)
        assert desk.most_in_flight[ENDPOINT] == IN_FLIGHT_MAX
        desk.time_flies_us = SECOND_US
        desk.answers[DEAD] = says_bad
        desk.add(*(due(1, endpoint_id=DEAD, payment_id=payment) for payment in payments(50)))
        lanes.wake([DEAD])
        await until(lambda: len(desk.outcomes(DEAD)) == 100)
        assert desk.most_in_flight[DEAD] == 1

    with_lanes(story)


def test_an_endpoint_that_is_gone_is_disabled_and_attempted_no_more_until_the_directory_says_otherwise() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        async def say(_: Due) -> Answer:
            return GONE

        desk.answers[ENDPOINT] = say
        desk.add(due(1), due(2))
        lanes.wake([ENDPOINT])
        await until(lambda: desk.disabled == [(ENDPOINT, DisabledReason.GONE)])
        await asyncio.sleep(0.01)
        assert desk.outcomes() == [(due().payment_id, 1, "failed")]
        # The directory has it: what waits fails, without an attempt, and can be replayed.
        desk.standings[ENDPOINT] = Standing.DISABLED
        lanes.changed(ENDPOINT)
        await until(lambda: len(desk.recorded) == 2)
        await until(lambda: not lanes.endpoint_ids)
        assert desk.recorded[1].status_code is None
        assert desk.recorded[1].error == "the endpoint is disabled"
        assert desk.anew == [ENDPOINT]

    with_lanes(story)


def test_an_endpoint_that_fails_for_days_is_disabled() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        desk.fails_long = True
        desk.answers[ENDPOINT] = says_bad
        desk.add(due(1))
        lanes.wake([ENDPOINT])
        await until(lambda: desk.disabled == [(ENDPOINT, DisabledReason.FAILING)])
        await asyncio.sleep(0.01)
        assert len(desk.recorded) == 1

    with_lanes(story)


def test_what_is_due_to_a_revoked_endpoint_is_forgotten() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        desk.standings[ENDPOINT] = Standing.REVOKED
        desk.add(due(1))
        lanes.wake([ENDPOINT])
        await until(lambda: not lanes.endpoint_ids)
        assert desk.forgotten == [ENDPOINT]
        assert desk.recorded == []

    with_lanes(story)


def test_what_is_in_flight_when_it_is_to_end_is_recorded() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        goes_on = asyncio.Event()

        async def say(_: Due) -> Answer:
            await goes_on.wait()
            return OK

        desk.answers[ENDPOINT] = say
        desk.add(due(1), due(2))
        lanes.wake([ENDPOINT])
        await until(lambda: desk.in_flight.get(ENDPOINT) == 1)
        ending = asyncio.create_task(lanes.stop(grace_s=10))
        await asyncio.sleep(0.01)
        goes_on.set()
        await ending
        assert desk.outcomes() == [(due().payment_id, 1, "delivered")]

    with_lanes(story)


def test_what_a_lane_cannot_bear_ends_the_process() -> None:
    async def tell() -> BaseException | None:
        desk = SmallDesk()
        lanes = Lanes(desk)

        async def fails(_: Due) -> Answer:
            raise RuntimeError("the state is gone")

        desk.answers[ENDPOINT] = fails
        desk.add(due(1))
        lanes.wake([ENDPOINT])
        await asyncio.wait([lanes.failed])
        return lanes.failed.exception()

    assert isinstance(asyncio.run(tell()), RuntimeError)


def test_a_receiver_that_asks_for_patience_is_given_it() -> None:
    patient = judged(
        due(1), Answer(status_code=429, error="x", retry_after="7200"), SCHEDULE, began_us=0, now_us=1_000_000
    )
    delivery = patient.delivery
    assert (delivery.outcome, delivery.next_attempt_at_us) == (Outcome.RETRYING, 7201 * SECOND_US)
    assert (delivery.attempt, delivery.tries, delivery.body) == (1, 1, due(1).body)
    assert patient.rest_until_us == 7201 * SECOND_US
    assert not_attempted(due(1), now_us=5).outcome is Outcome.FAILED


def test_what_becomes_due_between_two_looks_at_the_clock_is_attempted() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        desk.answers[ENDPOINT] = says_ok
        desk.add(due(1))
        # Looking takes time: when it has looked for what is due, the event is.
        desk.now, desk.looking_takes_us = desk.now - 5, 10
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 1)

    with_lanes(story)


def test_what_waits_for_a_retry_fails_with_the_rest_when_its_endpoint_is_disabled() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        desk.time_flies_us = SECOND_US
        desk.answers[ENDPOINT] = says_bad
        desk.add(due(1), due(2))
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 2)
        desk.standings[ENDPOINT] = Standing.DISABLED
        lanes.changed(ENDPOINT)
        await until(lambda: not lanes.endpoint_ids)
        assert desk.outcomes()[2:] == [(due().payment_id, 1, "failed"), (due().payment_id, 2, "failed")]

    with_lanes(story)


def test_an_endpoint_that_asks_for_time_is_asked_nothing_else_meanwhile_unless_its_owner_changes_it() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        async def say(_: Due) -> Answer:
            return Answer(status_code=429, error="answered 429", retry_after="60")

        desk.answers[ENDPOINT] = say
        desk.add(*(due(1, payment_id=payment) for payment in payments(3)))
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 1)
        lanes.wake([ENDPOINT])
        await asyncio.sleep(0.01)
        assert len(desk.recorded) == 1
        desk.now += 60 * SECOND_US
        lanes.wake([ENDPOINT])
        await until(lambda: len(desk.recorded) == 2)
        desk.answers[ENDPOINT] = says_ok
        lanes.changed(ENDPOINT)
        await until(lambda: len(desk.recorded) == 4)

    with_lanes(story)


def test_an_endpoint_that_fails_at_once_is_asked_more_and_more_rarely_until_it_answers_well() -> None:
    async def story(desk: SmallDesk, lanes: Lanes) -> None:
        asked_s: list[float] = []

        async def say(_: Due) -> Answer:
            asked_s.append(time.monotonic())
            return OK if len(asked_s) == 5 else BAD

        desk.answers[ENDPOINT] = say
        desk.add(*(due(1, payment_id=payment) for payment in payments(6)))
        desk.is_running = True
        lanes.wake([ENDPOINT])
        await until(lambda: len(asked_s) >= 6)
        pauses_s = [later - former for former, later in pairwise(asked_s[:6])]
        assert all(pause_s >= least_s for pause_s, least_s in zip(pauses_s, (0, 0.05, 0.1, 0.2, 0), strict=True))
        assert pauses_s[-1] < 0.2, "it has answered well"

    with_lanes(story)
