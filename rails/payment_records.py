"""From records of payment-events to what the gateway needs to know of them."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from confluent_kafka import Message

from payments.payment import Payment
from rails import metrics
from rails.hand import OPEN, Seen
from schemas import codec
from schemas.payment_memory import PaymentMemory

log = structlog.get_logger(__name__)

# Between its pending and its processing record a payment is remembered, if no more others came meanwhile: some 10 MB.
PAYMENTS_REMEMBERED_MAX = 4096

_STATUS_HEADER = "directpay_status"
_OPEN = {status.value.encode() for status in OPEN}


class PaymentRecords:
    """Reads records. For one thread at a time: it remembers payments, of which the next record is read faster."""

    def __init__(self) -> None:
        self._memory = PaymentMemory(PAYMENTS_REMEMBERED_MAX)

    def seen(self, messages: Sequence[Message]) -> list[Seen]:
        """Return these records as the gateway sees them.

        Raises UnknownSchema: a newer version wrote one, and passing over it could strand a payment.
        """
        # A payment's newer record says all that an older one did: reading a long log again, that is most of them.
        newest = {message.key(): message for message in messages}
        return [self._seen(message, is_newest=newest[message.key()] is message) for message in messages]

    def _seen(self, message: Message, *, is_newest: bool) -> Seen:
        partition, offset, value = message.partition(), message.offset(), message.value()
        assert partition is not None
        assert offset is not None
        payment_id, payment = self._open_payment(message) if is_newest else (None, None)
        return Seen(
            partition=partition,
            next_offset=offset + 1,
            payment_id=payment_id,
            payment=payment,
            value=value if payment is not None and isinstance(value, bytes) else b"",
        )

    def _open_payment(self, message: Message) -> tuple[str | None, Payment | None]:
        """Return whose record it is, and that payment while it is open.

        A status in the headers saves decoding what is closed.
        """
        key, value = message.key(), message.value()
        if not isinstance(key, bytes):
            return None, None
        payment_id = key.decode(errors="replace")
        status = dict(message.headers() or []).get(_STATUS_HEADER)
        if not isinstance(value, bytes) or not (status is None or status in _OPEN):
            return payment_id, None
        payment = self._payment(value, payment_id, message)
        if payment is None:
            return None, None
        return payment_id, payment if payment.status in OPEN else None

    def _payment(self, value: bytes, payment_id: str, message: Message) -> Payment | None:
        try:
            decoded = self._memory.decode(value)
        except codec.Undecodable as error:
            reason = error.reason
        else:
            if isinstance(decoded, Payment) and decoded.payment_id == payment_id:
                return decoded
            reason = "not the payment of its key"
        # Nobody but the stream app may write here, and it writes payments: somebody must look at this.
        metrics.UNREADABLE.inc()
        log.error("payment_event_unreadable", partition=message.partition(), offset=message.offset(), reason=reason)
        return None
