"""Takes records of payment-events: what they mean for whom is made durable, and then they are done with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog
from confluent_kafka import Message

from business_clock import Clock
from payments.payment import Payment
from schemas import codec
from schemas.payment_memory import PaymentMemory, tenant_of
from webhooks import metrics
from webhooks.endpoints import Endpoints
from webhooks.message import message_body
from webhooks.pending import Due, NewDue, Pending, Place, Taken
from webhooks.retries import Schedule
from webhooks.taking import LATE_US, new_transitions, wanted

log = structlog.get_logger(__name__)

# Between two of its records a payment is remembered, if no more others came meanwhile: some 10 MB.
PAYMENTS_REMEMBERED_MAX = 4096
# Times on a partition are out of order by as much as the clocks of those who ask for payments differ, and little more.
OUT_OF_ORDER_US = 3600 * 1_000_000


class Taker:
    """Works in the thread of the state, one batch after the other."""

    def __init__(self, pending: Pending, endpoints: Endpoints, schedule: Schedule, clock: Clock) -> None:
        self._pending = pending
        self._endpoints = endpoints
        self._schedule = schedule
        self._clock = clock
        self._memory = PaymentMemory(PAYMENTS_REMEMBERED_MAX)

    def take(self, messages: Sequence[Message]) -> set[str]:
        """Make durable what the records mean; return the endpoints that are to be told something.

        The endpoints must be known as they were when the last record was written, or later. Raises UnknownSchema.
        """
        now_us = self._clock.system_us()
        due: list[NewDue] = []
        payments: dict[str, tuple[int, int, int]] = {}
        places: dict[int, tuple[int, int]] = {}
        for message in messages:
            partition, offset = _place_of(message)
            next_event, until_us = places.get(partition, (0, 0))
            payment = self._payment(message)
            is_late = _written_us(message) < now_us - LATE_US
            if payment is not None:
                place = self._pending.place(partition)
                assert place is not None, "a partition is begun before it is read"
                due.extend(self._new_due(payment, payments, partition, offset, place, now_us=now_us, is_late=is_late))
                # A late record may stand for others of its payment, not for those of others.
                until_us = until_us if is_late else max(until_us, payment.updated_at_us - OUT_OF_ORDER_US)
            places[partition] = max(next_event, offset + 1), until_us
        self._pending.take(Taken(due=due, payments=payments, places=places))
        return {each.due.endpoint_id for each in due}

    def _payment(self, message: Message) -> Payment | None:
        """Return the payment, or None when its tenant has no endpoint: then it is not even read."""
        value = message.value()
        if value is None or self._endpoints.is_empty:
            return None
        tenant_id = tenant_of(value)
        if tenant_id is not None and not self._endpoints.of_tenant(tenant_id):
            return None
        try:
            decoded = self._memory.decode(value)
        except codec.Undecodable as error:
            metrics.UNREADABLE.inc()
            partition, offset = _place_of(message)
            log.error("payment_event_unreadable", partition=partition, offset=offset, reason=error.reason)
            return None
        if not isinstance(decoded, Payment) or not self._endpoints.of_tenant(decoded.head.tenant_id):
            return None
        return decoded

    def _new_due(
        self,
        payment: Payment,
        taken: dict[str, tuple[int, int, int]],
        partition: int,
        offset: int,
        place: Place,
        *,
        now_us: int,
        is_late: bool,
    ) -> Iterator[NewDue]:
        payment_id, last = payment.payment_id, payment.last
        in_batch = taken.get(payment_id)
        known = self._pending.sequence_taken(payment_id) if in_batch is None else in_batch[1]
        steps = new_transitions(payment, known=known, is_late=is_late, taken_until_us=place.taken_until_us)
        taken[payment_id] = partition, max(known or 0, last.sequence), last.occurred_at_us
        # What is taken again, in place of a state that was lost, may have been taken when that state began.
        known_us = place.since_us if place.next_delivery is None else now_us
        at_us = self._schedule.next_us(now_us, 0, None)
        assert at_us is not None, "a schedule has a first attempt"
        bodies: dict[int, bytes] = {}
        for endpoint_id in self._endpoints.of_tenant(payment.head.tenant_id):
            entry = self._endpoints.entry(endpoint_id)
            assert entry is not None, "an id is of an entry"
            for step in wanted(steps, entry):
                if step.sequence not in bodies:
                    bodies[step.sequence] = message_body(payment, step.sequence)
                due = Due(
                    endpoint_id=endpoint_id,
                    payment_id=payment_id,
                    sequence=step.sequence,
                    partition=partition,
                    tenant_id=payment.head.tenant_id,
                    event_type=step.event_type.value,
                    body=bodies[step.sequence],
                )
                yield NewDue(due=due, event_offset=offset, at_us=at_us, known_us=known_us)


def _place_of(message: Message) -> tuple[int, int]:
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return partition, offset


def _written_us(message: Message) -> int:
    """Return when a record was written, by its writer's clock."""
    return int(message.timestamp()[1]) * 1000
