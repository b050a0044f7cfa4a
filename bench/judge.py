"""What was written, counted: a run counts only when every payment has each of its events once, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from bench.inputs import Life
from kafka_log.connection import LIBRDKAFKA_LOG, PARTITION_EOF, client_settings
from payments.decision import Moved
from payments.lifecycle import decide
from payments.payment import Payment
from schemas import codec

STEPS = 3
READ_S_MAX = 10.0
# Recomputing a payment takes a fifth of a millisecond: enough of them that a wrong byte anywhere would show.
COMPARED_EVERY = 20


class RunDoesNotCount(Exception):
    """The events are not those that the inputs mean: how long they took says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of `payments`: `lost` lack an event; `doubled` and `out_of_order` count events, `strange` those of no payment."""

    payments: int
    events: int
    lost: int
    doubled: int
    out_of_order: int
    strange: int

    def require(self) -> None:
        """Raise RunDoesNotCount unless all is as it should be."""
        if self.lost or self.doubled or self.out_of_order or self.strange:
            raise RunDoesNotCount(str(self))


class Judge:
    """Hears every event of some payments; each is to have the sequences 1 to `steps`, once, in order."""

    def __init__(self, payment_ids: Iterable[str], *, steps: int = STEPS) -> None:
        self._heard: dict[str, list[int]] = {payment_id: [] for payment_id in payment_ids}
        self._steps = steps
        self._events = self._doubled = self._out_of_order = self._strange = 0

    def hear(self, payment_id: str, sequence: int) -> bool:
        """Count an event; return whether it is a payment's of this run and new."""
        self._events += 1
        heard = self._heard.get(payment_id)
        if heard is None:
            self._strange += 1
            return False
        if sequence in heard:
            self._doubled += 1
            return False
        self._out_of_order += any(later > sequence for later in heard)
        heard.append(sequence)
        return True

    def verdict(self, *, besides: frozenset[str] = frozenset()) -> Verdict:
        """Return the counts; payments in `besides` are not missed when they lack events."""
        return Verdict(
            payments=len(self._heard),
            events=self._events,
            lost=sum(
                len(heard) < self._steps for payment_id, heard in self._heard.items() if payment_id not in besides
            ),
            doubled=self._doubled,
            out_of_order=self._out_of_order,
            strange=self._strange,
        )


def judged(bootstrap: str, topic: str, starts: dict[int, int], of: list[Life]) -> Verdict:
    """Return what the topic holds from `starts` on of these payments; raises RunDoesNotCount for a wrong byte."""
    judge = Judge(each.order.payment_id for each in of)
    compared = {
        (each.order.payment_id, number): value
        for each in of[::COMPARED_EVERY]
        for number, value in enumerate(expected_events(each), start=1)
    }
    for message in read_to_end(bootstrap, topic, starts):
        payment_id, sequence = event_id(message)
        expected = compared.get((payment_id, sequence))
        if expected is not None and message.value() != expected:
            raise RunDoesNotCount(f"event {sequence} of payment {payment_id} differs from what its inputs mean")
        judge.hear(payment_id, sequence)
    return judge.verdict()


def expected_events(life: Life) -> Iterator[bytes]:
    """Yield the records that the inputs of a payment mean: deciding again gives the same bytes."""
    payment: Payment | None = None
    for order in (life.order, life.claimed, life.settled):
        decision = decide(order, payment)
        assert isinstance(decision, Moved), "every input of a bench moves its payment"
        payment = decision.payment
        yield codec.encode(payment)


def event_id(message: Message) -> tuple[str, int]:
    """Return the payment's id and the sequence of an event, from its headers."""
    for name, value in list(message.headers() or ()):
        if name == "ce_id" and isinstance(value, bytes):
            payment_id, _, sequence = value.decode().partition(":")
            return payment_id, int(sequence)
    raise RunDoesNotCount(f"{message.topic()}-{message.partition()}@{message.offset()} has no ce_id")


def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the end offset of each partition."""
    consumer = _consumer(bootstrap)
    try:
        numbers = consumer.list_topics(topic, timeout=READ_S_MAX).topics[topic].partitions
        return {
            number: int(consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=READ_S_MAX)[1])
            for number in numbers
        }
    finally:
        consumer.close()


def read_to_end(bootstrap: str, topic: str, starts: dict[int, int]) -> Iterator[Message]:
    """Yield the committed records from these offsets to the present ends."""
    consumer = _consumer(bootstrap)
    try:
        consumer.assign([TopicPartition(topic, number, start) for number, start in starts.items()])
        unread = set(starts)
        while unread:
            messages = consumer.consume(2000, timeout=READ_S_MAX if len(unread) == len(starts) else 0.1)
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == PARTITION_EOF:
                    unread.discard(int(message.partition() or 0))
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            **client_settings(bootstrap, "bench"),
            # Required by librdkafka; the group is never joined and nothing is committed.
            "group.id": "bench-judge",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        },
        logger=LIBRDKAFKA_LOG,
    )
