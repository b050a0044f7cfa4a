"""The payments in hand: what is taken, kept, dropped and looked at again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from payments.payment import Payment, Status
from rails.bank import Reference
from rails.hand import HORIZON_US, Action, Hand, Seen, Task
from rails.open_payments import Act, Close, Keep, Kept
from tests.unit.payments.histories import MARCH, T0_US, cancelled, claimed, initiated, replay, settled
from tests.unit.rails.set_clock import SetClock

DUE_US = initiated().head.due_at_us


# One loop a test: what waits in a hand is bound to the loop it first waited in.
hand_loop: list[asyncio.Runner] = []


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    with asyncio.Runner() as runner:
        hand_loop[:] = [runner]
        yield


def seen(payment: Payment, *, offset: int = 0, partition: int = 3) -> Seen:
    is_open = payment.status in (Status.PENDING, Status.PROCESSING)
    return Seen(
        partition=partition,
        next_offset=offset + 1,
        payment_id=payment.payment_id,
        payment=payment if is_open else None,
        value=b"value",
    )


def take(hand: Hand, action: Action) -> list[Task]:
    """Return what is to be done now; nothing when nothing is."""

    async def go() -> list[Task]:
        try:
            return await asyncio.wait_for(hand.take(action, 10), 0.02)
        except TimeoutError:
            return []

    return hand_loop[0].run(go())


def hand_at(now_us: int, *, live: bool = True, hand_max: int = 100) -> tuple[Hand, SetClock]:
    clock = SetClock(now_us)
    hand = Hand(clock, hand_max=hand_max)
    if live:
        hand.go_live(3)
    return hand, clock


def test_a_pending_payment_is_claimed_when_it_is_due_and_not_before() -> None:
    hand, clock = hand_at(DUE_US - 1)
    hand.note(seen(initiated()))
    assert take(hand, Action.CLAIM) == []
    clock.us = DUE_US
    [task] = take(hand, Action.CLAIM)
    assert task.payment == initiated()
    assert take(hand, Action.CLAIM) == [], "none is given twice"


def test_a_cancelled_payment_is_neither_claimed_nor_submitted() -> None:
    hand, clock = hand_at(T0_US)
    hand.note(seen(initiated()))
    hand.note(seen(replay(MARCH, cancelled()), offset=1))
    clock.us = DUE_US
    assert [take(hand, action) for action in Action] == [[], [], []]
    assert len(hand) == 0
    assert hand.take_changes().payments == {MARCH.payment_id: Close()}


def test_processing_that_is_news_is_submitted_and_processing_met_on_the_way_is_asked_about() -> None:
    hand, _ = hand_at(DUE_US)
    hand.note(seen(replay(MARCH, claimed())))
    [task] = take(hand, Action.SUBMIT)
    assert Reference.parse(task.reference) == Reference(payment_id=MARCH.payment_id, attempt=1)

    restoring, _ = hand_at(DUE_US, live=False)
    restoring.note(seen(replay(MARCH, claimed())))
    assert len(restoring) == 0
    changes = restoring.take_changes()
    assert changes.next_offsets == {3: 1}
    kept = changes.payments[MARCH.payment_id]
    assert isinstance(kept, Keep)
    assert (kept.is_pending, kept.act_at_us) == (False, 0)
    restoring.go_live(3)
    restoring.load(Kept(payment_id=MARCH.payment_id, partition=3, value=b"", act_at_us=0), replay(MARCH, claimed()))
    assert take(restoring, Action.SUBMIT) == []
    assert len(take(restoring, Action.ASK)) == 1


def test_a_newer_record_makes_work_on_the_older_one_void() -> None:
    hand, clock = hand_at(DUE_US)
    hand.note(seen(initiated()))
    [claim] = take(hand, Action.CLAIM)
    hand.note(seen(replay(MARCH, claimed()), offset=1))
    assert not hand.is_current(claim)
    hand.again(claim, Action.CLAIM, DUE_US)
    assert take(hand, Action.CLAIM) == []
    [submit] = take(hand, Action.SUBMIT)
    hand.note(seen(replay(MARCH, claimed(), settled()), offset=2))
    hand.again(submit, Action.ASK, clock.us)
    assert take(hand, Action.ASK) == []


def test_what_is_far_off_waits_in_the_store() -> None:
    hand, _ = hand_at(DUE_US - HORIZON_US - 1)
    hand.note(seen(initiated()))
    assert len(hand) == 0
    kept = hand.take_changes().payments[MARCH.payment_id]
    assert isinstance(kept, Keep)
    assert kept.act_at_us == DUE_US


def test_what_is_to_be_looked_at_much_later_goes_back_to_the_store() -> None:
    hand, clock = hand_at(DUE_US)
    hand.note(seen(replay(MARCH, claimed())))
    [task] = take(hand, Action.SUBMIT)
    hand.take_changes()
    hand.again(task, Action.ASK, clock.us + HORIZON_US + 1)
    assert len(hand) == 0
    assert hand.take_changes().payments == {MARCH.payment_id: Act(act_at_us=clock.us + HORIZON_US + 1)}


def test_no_more_are_in_hand_than_there_is_room_for() -> None:
    hand, _ = hand_at(DUE_US, hand_max=0)
    hand.note(seen(initiated()))
    assert (len(hand), hand.room) == (0, 0)
    assert take(hand, Action.CLAIM) == []
    kept = hand.take_changes().payments[MARCH.payment_id]
    assert isinstance(kept, Keep)
    assert kept.act_at_us == DUE_US, "the store has it"


def test_what_lies_in_the_store_is_not_loaded_over_something_newer() -> None:
    hand, _ = hand_at(DUE_US)
    stored = Kept(payment_id=MARCH.payment_id, partition=3, value=b"", act_at_us=DUE_US)
    hand.note(seen(replay(MARCH, cancelled())))
    hand.load(stored, initiated())
    assert take(hand, Action.CLAIM) == []
    hand.take_changes()
    hand.load(stored, initiated())
    assert len(take(hand, Action.CLAIM)) == 1
    assert hand.take_changes().payments == {MARCH.payment_id: Act(act_at_us=None)}


def test_a_partition_that_is_gone_takes_its_payments_along() -> None:
    hand, clock = hand_at(DUE_US)
    hand.note(seen(replay(MARCH, claimed())))
    [task] = take(hand, Action.SUBMIT)
    hand.mark_unclear(task, is_unclear=True)
    assert hand.unclear == 1
    hand.drop([3])
    hand.again(task, Action.ASK, clock.us)
    assert (len(hand), hand.unclear, hand.live_count) == (0, 0, 0)
    assert take(hand, Action.ASK) == []


def test_a_record_that_is_no_payment_only_moves_the_offset() -> None:
    hand, _ = hand_at(DUE_US)
    hand.note(Seen(partition=3, next_offset=8, payment_id=None, payment=None, value=b"garbage"))
    changes = hand.take_changes()
    assert (changes.payments, changes.next_offsets) == ({}, {3: 8})
