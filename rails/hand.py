"""The payments that the gateway has in hand, and when it must do what about each.

In memory are only those to be acted on soon, and no more than HAND_MAX: the others lie in the store until their time
comes near. No IO here: what changes is collected, and the gateway saves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from business_clock import Clock
from payments.payment import Payment, Status
from rails.agenda import Agenda, By
from rails.bank import InvalidReference, Reference
from rails.open_payments import Act, Change, Changes, Close, Keep, Kept, merged

HAND_MAX = 50_000  # About 150 MB.
# Payments further off than this, in the machine's time, wait in the store. Several rounds of the refill, so that none
# is late.
HORIZON_US = 10_000_000
CHANGES_MANY = 5000  # Some ten milliseconds to save.
OPEN = frozenset({Status.PENDING, Status.PROCESSING})


class Action(StrEnum):
    """What is to be done about a payment."""

    CLAIM = "claim"
    SUBMIT = "submit"
    ASK = "ask"


class Task(Struct, frozen=True, kw_only=True):
    """One thing to do about one payment, as it stood when the task was made. A newer record makes a newer task."""

    payment: Payment
    payment_id: str  # The payment's own, which is computed from its key.
    partition: int
    action: Action

    @property
    def reference(self) -> str:
        return str(Reference(payment_id=self.payment_id, attempt=self.payment.attempt))


class Seen(Struct, frozen=True, kw_only=True):
    """A record of payment-events: `payment` is None when it is closed, or when the record could not be read.

    `value` are the bytes of an open payment.
    """

    partition: int
    next_offset: int
    payment_id: str | None
    payment: Payment | None
    value: bytes


class Hand:
    """Who must be looked at when. For one event loop."""

    def __init__(self, clock: Clock, *, hand_max: int = HAND_MAX) -> None:
        self._clock = clock
        self._hand_max = hand_max
        self._tasks: dict[str, Task] = {}
        self._agendas: dict[Action, Agenda[Task]] = {action: Agenda(clock) for action in Action}
        self._changes: dict[str, Change] = {}
        self._next_offsets: dict[int, int] = {}
        self._feed_cursor: str | None = None
        self._live: set[int] = set()
        # What is due by then is soon, by what the clocks said when they were asked last.
        self._soon_us = dict.fromkeys(By, 0)
        # Payments of which the bank cannot tell what happened, with their partition.
        self._unclear: dict[str, int] = {}
        # Set when the changes are so many that they should be saved now.
        self.changed_much = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def live(self) -> frozenset[int]:
        """The partitions whose end was reached: only there is a record news."""
        return frozenset(self._live)

    @property
    def live_count(self) -> int:
        return len(self._live)

    def go_live(self, partition: int) -> None:
        self._live.add(partition)

    def drop(self, partitions: Iterable[int]) -> None:
        """Let go of partitions that another gateway takes over; their rows are looked at anew should they come back."""
        gone = set(partitions)
        self._live -= gone
        for payment_id in [each for each, task in self._tasks.items() if task.partition in gone]:
            del self._tasks[payment_id]
        for payment_id in [each for each, partition in self._unclear.items() if partition in gone]:
            del self._unclear[payment_id]

    def note(self, seen: Seen) -> None:
        """Take a record: the newest word on its payment."""
        self._next_offsets[seen.partition] = seen.next_offset
        if seen.payment_id is None:
            return
        if seen.payment is None:
            self._tasks.pop(seen.payment_id, None)
            self._unclear.pop(seen.payment_id, None)
            self._change(seen.payment_id, Close())
            return
        self._open(seen.payment_id, seen.payment, seen)

    def _open(self, payment_id: str, payment: Payment, seen: Seen) -> None:
        is_pending = payment.status is Status.PENDING
        is_live = seen.partition in self._live
        if is_pending:
            action, at_us = Action.CLAIM, payment.head.due_at_us
        else:
            # Read as news, nobody can have submitted it but a gateway that lost this partition, and the bank takes a
            # reference once. Read on the way to the end, it may be long at the bank: ask before sending.
            action, at_us = Action.SUBMIT if is_live else Action.ASK, 0
        task = Task(payment=payment, payment_id=payment_id, partition=seen.partition, action=action)
        is_taken = is_live and self._take_in_hand(payment_id, task, at_us)
        if not is_taken:
            self._tasks.pop(payment_id, None)
        kept = Keep(
            partition=seen.partition,
            is_pending=is_pending,
            due_at_us=payment.head.due_at_us,
            act_at_us=None if is_taken else at_us,
            value=seen.value,
        )
        self._change(payment_id, kept)

    def load(self, kept: Kept, payment: Payment) -> None:
        """Take a payment out of the store, unless a newer word on it is here already."""
        if kept.payment_id in self._tasks or kept.payment_id in self._changes or kept.partition not in self._live:
            return
        # What was not sent while it was in hand may have been: ask first.
        action = Action.CLAIM if payment.status is Status.PENDING else Action.ASK
        task = Task(payment=payment, payment_id=kept.payment_id, partition=kept.partition, action=action)
        if self._take_in_hand(kept.payment_id, task, kept.act_at_us, kept.by):
            self._change(kept.payment_id, Act(act_at_us=None))

    async def take(self, action: Action, most: int) -> list[Task]:
        """Return tasks whose time has come; wait until there are some. None is given twice."""
        while True:
            tasks = [task for task in await self._agendas[action].take(most) if self.is_current(task)]
            if tasks:
                return tasks

    def is_current(self, task: Task) -> bool:
        """Say whether no newer record has come since the task was made, and its partition is still ours."""
        return self._tasks.get(task.payment_id) is task

    def task_about(self, reference: str) -> Task | None:
        """Return what is to be done about the attempt that the bank knows by this reference; None: nothing in hand."""
        try:
            named = Reference.parse(reference)
        except InvalidReference:
            return None
        task = self._tasks.get(named.payment_id)
        return task if task is not None and task.payment.attempt == named.attempt else None

    def again_in(self, task: Task, action: Action, delay_us: int) -> None:
        """Do this about the payment of `task` after a delay, unless something newer is known of it.

        By the machine's clock: what is tried again must not be tried all the time because the business clock is fast,
        nor wait for ever because that one stands.
        """
        self.again(task, action, self._clock.system_us() + delay_us, By.MACHINE)

    def again(self, task: Task, action: Action, at_us: int, by: By = By.BUSINESS) -> None:
        """Do this about the payment of `task` at `at_us`, unless something newer is known of it."""
        if not self.is_current(task):
            return
        payment_id = task.payment_id
        renewed = Task(payment=task.payment, payment_id=payment_id, partition=task.partition, action=action)
        if self._take_in_hand(payment_id, renewed, at_us, by):
            self._change(payment_id, Act(act_at_us=None))
        else:
            del self._tasks[payment_id]
            self._change(payment_id, Act(act_at_us=at_us, by=by))

    def mark_unclear(self, task: Task, *, is_unclear: bool) -> None:
        """Remember whether the bank could tell what happened to the payment."""
        if is_unclear:
            self._unclear[task.payment_id] = task.partition
        else:
            self._unclear.pop(task.payment_id, None)

    @property
    def unclear(self) -> int:
        """How many payments there are of which the bank cannot tell what happened."""
        return len(self._unclear)

    def reported_until(self, feed_cursor: str) -> None:
        """Remember the place in the bank's feed up to which everything is reported and acknowledged."""
        self._feed_cursor = feed_cursor

    def take_changes(self) -> Changes:
        """Return what has changed since the last call; the caller must save it or end."""
        changes = Changes(payments=self._changes, next_offsets=self._next_offsets, feed_cursor=self._feed_cursor)
        self._changes, self._next_offsets, self._feed_cursor = {}, {}, None
        self.changed_much.clear()
        return changes

    @property
    def room(self) -> int:
        """How many more payments may be taken in hand."""
        return max(0, self._hand_max - len(self._tasks))

    def horizon_us(self, by: By) -> int:
        """Return until when payments are taken in hand, by that clock."""
        if by is By.MACHINE:
            return self._clock.system_us() + HORIZON_US
        return self._clock.ahead_us(HORIZON_US)

    def clock_was_set(self) -> None:
        """Look again at what waits for its time."""
        self._soon_us = dict.fromkeys(By, 0)
        for agenda in self._agendas.values():
            agenda.look_again()

    def _take_in_hand(self, payment_id: str, task: Task, at_us: int, by: By = By.BUSINESS) -> bool:
        if not self._is_soon(at_us, by) or (payment_id not in self._tasks and not self.room):
            return False
        self._tasks[payment_id] = task
        self._agendas[task.action].add(at_us, task, by)
        return True

    def _is_soon(self, at_us: int, by: By) -> bool:
        # Clocks go forward unless they are set: what was soon before is. Asking them took a third of a payment's time.
        if at_us > self._soon_us[by]:
            self._soon_us[by] = self.horizon_us(by)
        return at_us <= self._soon_us[by]

    def _change(self, payment_id: str, change: Change) -> None:
        self._changes[payment_id] = merged(self._changes.get(payment_id), change)
        if len(self._changes) >= CHANGES_MANY:
            self.changed_much.set()
