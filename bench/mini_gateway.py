"""What comes after the stream stage, as small as can be: hears each event once, and reports what follows from it.

A report is sent only for an event that a subscriber has seen, as the real gateway does; so no report can come before
its payment, and a payment whose event is lost stays where it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.broker import PARTITIONS, Broker
from bench.contestants import Contestant
from bench.inputs import Life, producer_of
from bench.judge import Judge, event_id
from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from schemas import codec, topics


class MiniGateway:
    """Follows a contestant's payment-events from the first record, in a thread of its own."""

    def __init__(self, broker: Broker, contestant: Contestant) -> None:
        self.events = 0
        self.heard_at = time.monotonic()
        self._reports = contestant.topic(topics.RAIL_REPORTS)
        self._lives: dict[str, tuple[Life, Judge]] = {}
        self._consumer = Consumer(
            {
                **client_settings(broker.bootstrap, "bench-gateway"),
                "group.id": "bench-gateway",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            },
            logger=LIBRDKAFKA_LOG,
        )
        events = contestant.topic(topics.PAYMENT_EVENTS)
        self._consumer.assign([TopicPartition(events, number, 0) for number in range(PARTITIONS)])
        self._producer = producer_of(broker.bootstrap, {"linger.ms": 5})
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> MiniGateway:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._producer.flush(10)
        self._consumer.close()

    def expect(self, of: Iterable[Life], judge: Judge) -> None:
        """Report for these payments from now on, and let `judge` hear their events."""
        self._lives.update({each.order.payment_id: (each, judge) for each in of})

    def _follow(self) -> None:
        while not self._ended.is_set():
            for message in self._consumer.consume(500, timeout=0.1):
                if message.error() is not None:
                    raise KafkaException(message.error())
                self.events += 1
                self._hear(*event_id(message))
            self._producer.poll(0)

    def _hear(self, payment_id: str, sequence: int) -> None:
        life, judge = self._lives[payment_id]
        if not judge.hear(payment_id, sequence):
            return
        self.heard_at = time.monotonic()
        follows = {1: life.claimed, 2: life.settled}.get(sequence)
        if follows is not None:
            self._producer.produce(self._reports, key=follows.key, value=codec.encode(follows))
