"""The dispatcher's durable state: who is told what next, and from where it can be rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.deliveries import Outcome, WebhookReplay
from tests.unit.webhooks.deliveries import ENDPOINT, OTHER_PAYMENT, PAYMENT, again, attempted, due, new
from webhooks.attempts import not_attempted
from webhooks.pending import Due, NewDue, Pending, Place, Taken

OTHER_ENDPOINT = "77777777-7777-4777-8777-777777777777"
NOW_US = 10_000


@pytest.fixture
def pending(tmp_path: Path) -> Iterator[Pending]:
    opened = Pending(tmp_path / "state.sqlite")
    opened.adopt("cluster/topic")
    opened.begin(0, Place(next_event=0))
    yield opened
    opened.close()


def take(pending: Pending, *items: NewDue, next_event: int = 1) -> None:
    pending.take(Taken(due=items, payments={}, places={0: (next_event, 0)}))


def told_next(pending: Pending, endpoint_id: str = ENDPOINT, *, until_us: int = NOW_US, most: int = 10) -> list[Due]:
    return pending.due(endpoint_id, [0], until_us=until_us, most=most)


def names(items: list[Due]) -> list[tuple[str, int]]:
    return [item.key for item in items]


def test_a_payments_events_come_one_after_the_other_and_payments_and_endpoints_beside_each_other(
    pending: Pending,
) -> None:
    take(pending, new(due(1)), new(due(2)), new(due(3)), new(due(1, payment_id=OTHER_PAYMENT)))
    take(pending, new(due(2, endpoint_id=OTHER_ENDPOINT)))
    assert names(told_next(pending)) == [(PAYMENT, 1), (OTHER_PAYMENT, 1)]
    assert names(told_next(pending, OTHER_ENDPOINT)) == [(PAYMENT, 2)]
    assert pending.endpoints_waiting() == [ENDPOINT, OTHER_ENDPOINT]
    assert pending.count([0], most=3) == 3
    pending.record([(0, attempted(due(1)))], {0: 1})
    assert names(told_next(pending)) == [(PAYMENT, 2), (OTHER_PAYMENT, 1)]
    pending.record([(0, attempted(due(2), Outcome.FAILED))], {0: 2})
    assert names(told_next(pending)) == [(PAYMENT, 3), (OTHER_PAYMENT, 1)]


def test_what_is_retried_waits_for_its_time_and_the_next_of_its_payment_behind_it(pending: Pending) -> None:
    take(pending, new(due(1)), new(due(2)))
    pending.record([(0, attempted(due(1), Outcome.RETRYING, next_us=NOW_US + 5))], {0: 1})
    assert told_next(pending) == []
    assert pending.next_at_us(ENDPOINT, [0], after_us=NOW_US) == NOW_US + 5
    assert told_next(pending, until_us=NOW_US + 5) == [again(due(1))]
    pending.record([(0, attempted(again(due(1))))], {0: 2})
    assert told_next(pending) == [due(2)]
    pending.record([(0, attempted(due(2)))], {0: 3})
    assert pending.endpoints_waiting() == []
    assert pending.count([0]) == 0


def test_an_event_that_is_taken_twice_is_told_once(pending: Pending) -> None:
    take(pending, new(due(1)))
    pending.record([(0, attempted(due(1), Outcome.RETRYING))], {0: 1})
    take(pending, new(due(1)))
    assert told_next(pending) == [again(due(1))]


def test_what_waits_longest_comes_first_and_partitions_that_are_not_ours_are_left_alone(pending: Pending) -> None:
    payments = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(5)]
    take(pending, *(new(due(1, payment_id=each), at_us=100 - n) for n, each in enumerate(payments)))
    take(pending, new(due(9, partition=1)))
    assert [item.payment_id for item in told_next(pending, most=3)] == payments[:1:-1]
    assert pending.oldest_at_us([ENDPOINT, OTHER_ENDPOINT]) == 0
    assert pending.count([0]) == 5
    assert pending.count([0, 1]) == 6
    pending.drop_endpoint(ENDPOINT, [0], most=10)
    assert pending.count([0, 1]) == 1


def test_state_of_another_log_and_of_a_partition_that_starts_over_is_dropped(tmp_path: Path, pending: Pending) -> None:
    take(pending, new(due(1)))
    pending.forget(0)
    assert pending.place(0) is None
    assert pending.count([0]) == 0
    pending.begin(0, Place(next_event=0))
    take(pending, new(due(1)))
    assert pending.adopt("cluster/topic")
    assert pending.count([0]) == 1
    assert not pending.adopt("another/topic")
    assert pending.place(0) is None
    assert pending.count([0]) == 0


def test_the_group_is_told_the_oldest_event_without_an_attempt_on_the_log(pending: Pending) -> None:
    take(
        pending,
        new(due(1), event_offset=10, known_us=100),
        new(due(2), event_offset=11, known_us=200),
        new(due(1, payment_id=OTHER_PAYMENT), event_offset=12, known_us=300),
        next_event=13,
    )

    def place() -> tuple[int, int]:
        found = pending.rebuilt_from(0, NOW_US)
        assert found is not None
        return found.next_event, found.since_us

    assert place() == (10, 100)
    # On the log it is safe, and what was done since then is read again.
    pending.record([(0, attempted(due(1), Outcome.RETRYING, at_us=400))], {0: 1})
    assert place() == (11, 200)
    pending.record([(0, attempted(due(1, payment_id=OTHER_PAYMENT)))], {0: 2})
    # The second waits behind the first: no attempt of it is on the log.
    assert place() == (11, 200)
    pending.record([(0, attempted(again(due(1))))], {0: 3})
    pending.record([(0, attempted(due(2), Outcome.FAILED))], {0: 4})
    assert place() == (13, NOW_US)


def test_a_lost_state_is_rebuilt_from_the_place_that_the_group_was_told(tmp_path: Path, pending: Pending) -> None:
    events = [new(due(n), event_offset=n, known_us=n) for n in (1, 2, 3)]
    events += [new(due(n, payment_id=OTHER_PAYMENT), event_offset=10 + n, known_us=10 + n) for n in (1, 2)]
    take(pending, *events, next_event=20)
    log = [
        attempted(due(1), Outcome.RETRYING, at_us=100),
        attempted(due(1, payment_id=OTHER_PAYMENT), at_us=110),
        attempted(again(due(1)), at_us=120),
        attempted(due(2), Outcome.RETRYING, at_us=130, next_us=140),
    ]
    pending.record([(0, each) for each in log], {0: 4})
    place = pending.rebuilt_from(0, NOW_US)
    assert place is not None
    rebuilt = Pending(tmp_path / "rebuilt.sqlite")
    rebuilt.begin(0, place)
    take(rebuilt, *(each for each in events if (each.event_offset or 0) >= place.next_event), next_event=20)
    rebuilt.record([(0, each) for each in log if each.attempted_at_us >= place.since_us], {0: 4})
    assert told_next(rebuilt) == told_next(pending) == [due(2, payment_id=OTHER_PAYMENT), again(due(2))]
    assert rebuilt.count([0]) == pending.count([0]) == 3
    assert rebuilt.rebuilt_from(0, NOW_US) == place
    rebuilt.close()


def test_reading_the_log_of_attempts_again_changes_nothing(pending: Pending) -> None:
    take(pending, new(due(1)), new(due(2)))
    log = [attempted(due(1), Outcome.RETRYING), attempted(again(due(1)))]
    for _ in range(2):
        pending.record([(0, each) for each in log], {0: 2})
        assert names(told_next(pending)) == [(PAYMENT, 2)]


def test_since_when_an_endpoint_fails_is_since_its_first_failure_after_its_last_success(pending: Pending) -> None:
    assert pending.failing_since_us(ENDPOINT) is None
    for at_us, outcome in ((100, Outcome.RETRYING), (200, Outcome.FAILED)):
        pending.record([(0, attempted(due(1), outcome, at_us=at_us))], {})
        assert pending.failing_since_us(ENDPOINT) == 100
    pending.record([(0, attempted(due(2), at_us=300))], {})
    assert pending.failing_since_us(ENDPOINT) is None
    pending.record([(0, attempted(due(3), Outcome.RETRYING, at_us=400))], {})
    assert pending.failing_since_us(ENDPOINT) == 400
    pending.forget_failures(ENDPOINT)
    assert pending.failing_since_us(ENDPOINT) is None


def test_what_failed_because_its_endpoint_was_disabled_does_not_count_against_it(pending: Pending) -> None:
    pending.record([(0, not_attempted(due(1), now_us=100))], {})
    assert pending.failing_since_us(ENDPOINT) is None


def test_how_far_was_read_is_kept_with_what_it_means(pending: Pending) -> None:
    pending.take(Taken(due=[], payments={PAYMENT: (0, 3, 500), OTHER_PAYMENT: (0, 1, 10**12)}, places={0: (7, 10**12)}))
    pending.take(Taken(due=[], payments={PAYMENT: (0, 2, 400)}, places={0: (8, 5)}))
    pending.record([], {0: 9})
    place = pending.place(0)
    assert place == Place(next_event=8, next_delivery=9, next_request=0, since_us=0, taken_until_us=10**12)
    assert pending.sequence_taken(PAYMENT) == 3
    pending.forget_long_ago(0, NOW_US)
    # What happened since is new, of a payment that is not there.
    assert pending.sequence_taken(PAYMENT) is None
    assert pending.sequence_taken(OTHER_PAYMENT) == 1


REPLAY = WebhookReplay(
    request_id="88888888-8888-4888-8888-888888888888", endpoint_id=ENDPOINT, tenant_id="demo", requested_at_us=1
)
FAILED_ONLY = WebhookReplay(
    request_id=REPLAY.request_id, endpoint_id=ENDPOINT, tenant_id="demo", failed_only=True, requested_at_us=1
)


def replay(pending: Pending, request: WebhookReplay, *found: tuple[Due, Outcome, bool]) -> None:
    assert pending.begin_replay(request.request_id) == set()
    pending.found((0, attempted(it, outcome), is_in_range) for it, outcome, is_in_range in found)
    pending.add_found(request, [0], offset=41, now_us=NOW_US)
    pending.end_replay(request, [0], offset=41, now_us=NOW_US)


def test_a_replay_makes_due_what_is_in_its_range_in_the_order_of_each_payment(pending: Pending) -> None:
    replay(
        pending,
        REPLAY,
        (due(1), Outcome.RETRYING, False),
        (again(due(1)), Outcome.DELIVERED, True),
        (due(2), Outcome.FAILED, True),
        (due(1, payment_id=OTHER_PAYMENT), Outcome.DELIVERED, False),
    )
    [first] = told_next(pending)
    assert (first.key, first.attempts, first.tries, first.replay_id) == ((PAYMENT, 1), 2, 0, REPLAY.request_id)
    # It is not forgotten while no attempt of it is on the log, and then it is a delivery like others.
    place = pending.rebuilt_from(0, NOW_US)
    assert place is not None
    assert place.next_request == 41
    pending.record([(0, attempted(first))], {})
    assert names(told_next(pending)) == [(PAYMENT, 2)]
    pending.record([(0, attempted(told_next(pending)[0]))], {})
    place = pending.rebuilt_from(0, NOW_US)
    assert place is not None
    assert place.next_request == 42
    assert pending.begin_replay(REPLAY.request_id) == {0}


def test_a_replay_of_what_failed_leaves_the_rest_alone(pending: Pending) -> None:
    replay(
        pending,
        FAILED_ONLY,
        (due(1), Outcome.FAILED, True),
        (again(due(1)), Outcome.DELIVERED, True),
        (due(2), Outcome.FAILED, True),
        (due(3), Outcome.RETRYING, True),
    )
    assert names(told_next(pending)) == [(PAYMENT, 2)]
    assert pending.count([0]) == 1


def test_a_replay_puts_later_events_of_its_payments_behind_it_and_makes_retries_due_at_once(pending: Pending) -> None:
    take(pending, new(due(3)), new(due(2, payment_id=OTHER_PAYMENT)))
    waiting = due(2, payment_id=OTHER_PAYMENT)
    pending.record([(0, attempted(waiting, Outcome.RETRYING, next_us=NOW_US + 10**9))], {})
    replay(pending, REPLAY, (due(2), Outcome.DELIVERED, True), (waiting, Outcome.RETRYING, True))
    assert sorted(names(told_next(pending))) == [(PAYMENT, 2), (OTHER_PAYMENT, 2)]


def test_what_a_replay_found_on_a_partition_that_has_gone_is_left_to_whoever_has_it(pending: Pending) -> None:
    pending.begin_replay(REPLAY.request_id)
    pending.found([(0, attempted(due(1)), True), (1, attempted(due(1, payment_id=OTHER_PAYMENT)), True)])
    pending.add_found(REPLAY, [0], offset=0, now_us=NOW_US)
    pending.end_replay(REPLAY, [0], offset=0, now_us=NOW_US)
    assert pending.count([0, 1]) == 1


def test_a_large_replay_is_made_due_some_payments_at_a_time_and_each_payment_in_its_order(pending: Pending) -> None:
    payments = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(5)]
    pending.begin_replay(REPLAY.request_id)
    pending.found((0, attempted(due(n, payment_id=each)), True) for each in payments for n in (2, 1))
    after: str | None = ""
    counts = []
    while after is not None:
        after = pending.add_found(REPLAY, [0], offset=0, now_us=NOW_US, after=after, payments_max=2)
        counts.append(pending.count([0]))
    assert counts == [4, 8, 10, 10]
    assert names(told_next(pending)) == [(each, 1) for each in payments]
    place = pending.place(0)
    assert place is not None
    assert place.next_request == 0, "it is done when all of it is due"


def test_the_state_of_a_partition_that_others_have_is_dropped_some_at_a_time_and_begun_anew_with_none_of_it(
    pending: Pending,
) -> None:
    pending.begin(1, Place(next_event=0))
    take(pending, *(new(due(n)) for n in (1, 2, 3)), new(due(1, partition=1, payment_id=OTHER_PAYMENT)))
    assert pending.partitions() == [0, 1]
    assert pending.forget_some(0, most=2) == 2
    # What is half forgotten is not believed, whatever is left of it.
    assert pending.place(0) is None
    assert pending.partitions() == [1]
    pending.begin(0, Place(next_event=7))
    assert pending.count([0]) == 0
    assert pending.count([1]) == 1
    assert pending.forget_some(0, most=2) == 0


def test_what_was_due_to_a_revoked_endpoint_is_dropped_some_at_a_time(pending: Pending) -> None:
    take(pending, *(new(due(n)) for n in (1, 2, 3)))
    assert [pending.drop_endpoint(ENDPOINT, [0], most=2) for _ in range(2)] == [2, 1]
    assert pending.count([0]) == 0
