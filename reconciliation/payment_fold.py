"""Reads payment-events into the book: each payment as its newest record has it."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from confluent_kafka import Message

from kafka_log.reader import LogReader
from payments.payment import Payment
from reconciliation.book import Book
from reconciliation.known_payment import KnownPayment, known_payment
from schemas.payment_memory import PaymentMemory
from schemas.topics import PAYMENT_EVENTS

log = structlog.get_logger(__name__)

RECORDS_A_READ_MAX = 5000
READ_WAIT_S = 0.5


class UnreadableEvent(Exception):
    """A record of payment-events that is no payment: a comparison that passes over it could miss one."""


class PaymentFold:
    """The book's payments. Everything blocks, in one thread."""

    def __init__(self, bootstrap: str, book: Book, *, client_id: str) -> None:
        self._reader = LogReader(bootstrap, client_id=client_id)
        self._book = book
        self._memory = PaymentMemory()
        positions = book.positions
        topic = PAYMENT_EVENTS.name
        self._reader.assign({(topic, each): positions.get(each, 0) for each in self._reader.partitions(topic)})

    def catch_up(self) -> int:
        """Take all that is committed at this moment, and return how many records that were."""
        topic = PAYMENT_EVENTS.name
        ends = {(topic, partition): end for partition, end in self._reader.end_offsets(topic).items()}
        records = 0
        while any(self._reader.positions[place] < end for place, end in ends.items()):
            records += self.read(READ_WAIT_S)
        return records

    def read(self, wait_s: float) -> int:
        """Take what is there, waiting up to `wait_s` for the first record."""
        messages = self._reader.read(RECORDS_A_READ_MAX, wait_s)
        if messages:
            positions = {partition: offset for (_, partition), offset in self._reader.positions.items()}
            self._book.keep(self._known(messages), positions)
        return len(messages)

    def close(self) -> None:
        self._reader.close()

    def _known(self, messages: Sequence[Message]) -> list[KnownPayment]:
        # A payment's newer record says all that an older one did.
        newest = {message.key(): message for message in messages}
        return [self._payment(message) for message in newest.values() if message.value() is not None]

    def _payment(self, message: Message) -> KnownPayment:
        payment = self._memory.decode(message.value())
        if not isinstance(payment, Payment):
            raise UnreadableEvent(f"{message.topic()}/{message.partition()}/{message.offset()}")
        return known_payment(payment)
