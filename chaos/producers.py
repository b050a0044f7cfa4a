"""Producers straight to Kafka: one that places keys by murmur2, one with librdkafka's default partitioner."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from chaos.answers import Answer, AnswerLog, Ask, Channel, Said, Terms
from chaos.http_callers import Request
from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from payments.commands import CancelPayment, InitiatePayment, RefundPayment
from payments.idempotency import payment_key
from schemas import codec
from schemas.topics import PAYMENT_COMMANDS

POLL_S = 0.1
# Within it librdkafka tries again by itself; then we do, with the same bytes.
DELIVERY_S_MAX = 20.0
TRIES_MAX = 9
PARTITIONERS = {Channel.MURMUR2: "murmur2_random", Channel.CRC32: "consistent_random"}
Place = tuple[str, int, int]
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A record as it is to be written, whatever it holds."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class RawProducer:
    """One librdkafka producer with a partitioner, and the thread that hears what became of its records."""

    def __init__(self, bootstrap: str, partitioner: str) -> None:
        self._producer = Producer(
            client_settings(bootstrap, f"chaos-{partitioner}")
            | {
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": partitioner,
                "linger.ms": 5,
                "message.timeout.ms": int(DELIVERY_S_MAX * 1000),
            },
            logger=LIBRDKAFKA_LOG,
        )
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._hear, name=f"chaos-{partitioner}", daemon=True)
        self._thread.start()

    async def send(self, record: Raw) -> Place | None:
        """Return where the record stands, or None when nobody can say whether it was written."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Place | None] = loop.create_future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            place = None
            if error is None:
                place = (message.topic() or "", _known(message.partition()), _known(message.offset()))
            loop.call_soon_threadsafe(_resolve, future, place)

        try:
            self._producer.produce(
                record.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                on_delivery=delivered,
            )
        except (BufferError, KafkaException):
            return None
        return await future

    def close(self) -> None:
        self._producer.flush(DELIVERY_S_MAX)
        self._closing.set()
        self._thread.join()

    def _hear(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_S)


class Producers:
    """Writers of commands: what Kafka acknowledges counts as accepted."""

    def __init__(self, bootstrap: str, *, tenant_id: str, answers: AnswerLog) -> None:
        self._tenant_id = tenant_id
        self._answers = answers
        self._raw = {channel: RawProducer(bootstrap, name) for channel, name in PARTITIONERS.items()}

    def close(self) -> None:
        for each in self._raw.values():
            each.close()

    async def send(self, channel: Channel, record: Raw) -> Place | None:
        """Write any record through one of the partitioners, as often as it takes."""
        for _ in range(TRIES_MAX):
            place = await self._raw[channel].send(record)
            if place is not None:
                return place
        return None

    async def pay(self, channel: Channel, request: Request, command_id: str) -> Said:
        """Order a payment; a retry sends the very same command."""
        order = InitiatePayment(
            command_id=command_id,
            tenant_id=self._tenant_id,
            idempotency_key=request.key,
            payer_account_id=request.terms.payer,
            payee_account_id=request.terms.payee,
            amount_minor=request.terms.amount_minor,
            payment_rail_type=request.terms.rail,
            requested_at_us=time.time_ns() // 1000,
        )
        return await self._order(
            channel, order, ask=Ask.PAY, payment_id=order.payment_id, terms=request.terms, command_id=command_id
        )

    async def cancel(self, channel: Channel, key: str, cancel_key: str) -> Said:
        """Order a cancel."""
        order = CancelPayment(
            tenant_id=self._tenant_id,
            idempotency_key=key,
            cancel_key=cancel_key,
            requested_at_us=time.time_ns() // 1000,
        )
        return await self._order(channel, order, ask=Ask.CANCEL, payment_id=order.payment_id, command_id=order.id)

    async def refund(
        self, channel: Channel, key: str, refund_key: str, amount_minor: int | None, command_id: str
    ) -> Said:
        """Order a refund; a retry sends the very same command."""
        order = RefundPayment(
            command_id=command_id,
            tenant_id=self._tenant_id,
            idempotency_key=key,
            refund_key=refund_key,
            amount_minor=amount_minor,
            requested_at_us=time.time_ns() // 1000,
        )
        return await self._order(
            channel, order, ask=Ask.REFUND, payment_id=order.refund_id, command_id=command_id, refund_minor=amount_minor
        )

    async def _order(
        self,
        channel: Channel,
        order: InitiatePayment | CancelPayment | RefundPayment,
        *,
        ask: Ask,
        payment_id: str,
        command_id: str,
        terms: Terms | None = None,
        refund_minor: int | None = None,
    ) -> Said:
        """Send an order, and note what came of it."""
        key = payment_key(order.tenant_id, order.idempotency_key).encode()
        record = Raw(topic=PAYMENT_COMMANDS.name, key=key, value=codec.encode(order))
        said = Said.UNKNOWN if await self.send(channel, record) is None else Said.ACCEPTED
        self._answers.add(
            Answer(
                at_us=time.time_ns() // 1000,
                channel=channel,
                ask=ask,
                payment_id=payment_id,
                said=said,
                terms=terms,
                command_id=command_id,
                refund_minor=refund_minor,
            )
        )
        return said


def _resolve(future: asyncio.Future[Place | None], place: Place | None) -> None:
    if not future.done():
        future.set_result(place)


def _known(number: int | None) -> int:
    assert number is not None, "a delivered record has a place"
    return number
