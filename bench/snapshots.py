"""Snapshots of payments by the million: real records of payment-events, made from one by changing what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from uuid import UUID

from bench.inputs import WRITE_S_MAX, lives, producer_of
from bench.judge import expected_events
from payments.idempotency import payment_id
from payments.payment import Payment
from schemas import codec, topics
from schemas.partitioning import partition_of

QUEUED_MAX = 500_000


class Snapshots:
    """Makes the record of payment `number`, which has lived through `steps` transitions.

    Ids, fingerprint and hashes are each payment's own, so that records compress no better than real ones; the hashes
    are not the right ones, which nobody asks for while restoring. Building each by the rules would take ten times as
    long. The payments are on as many `leases`, in turn, each with a payer and a payee of its own.
    """

    def __init__(self, *, steps: int, leases: int = 1) -> None:
        life = next(lives("snapshot", 1))
        self._template = list(expected_events(life))[steps - 1]
        payment = codec.decode(self._template)
        assert isinstance(payment, Payment)
        self.tenant_id = life.order.tenant_id
        self._key = life.order.idempotency_key.encode()
        self._id = payment.payment_id.encode()
        self._hashes = [payment.head.fingerprint, *(each.hash for each in payment.transitions)]
        self._leases = leases
        # The gateway need not decode what is closed.
        self._headers = [each for each in codec.event_headers(payment) if each[0] == "directpay_status"]
        head = payment.head
        self._of_lease = [str(it).encode() for it in (head.lease_id, head.payer_account_id, head.payee_account_id)]

    def record(self, number: int) -> tuple[str, str, bytes]:
        """Return idempotency key, payment id and value."""
        # As long as the template's, because lengths stand before texts.
        key = f"{number:0{len(self._key)}d}"
        of = payment_id(self.tenant_id, key)
        value = self._template.replace(self._key, key.encode()).replace(self._id, of.encode())
        for place, old in enumerate(self._hashes):
            value = value.replace(old, hashlib.sha256(b"%d %d" % (place, number)).digest())
        if self._leases > 1:
            for place, old in enumerate(self._of_lease):
                digest = hashlib.sha256(b"lease %d %d" % (place, number % self._leases)).digest()
                value = value.replace(old, str(UUID(bytes=digest[:16])).encode())
        return key, of, value

    def write(self, bootstrap: str, numbers: range, partitions: int) -> Iterator[int]:
        """Write the records to payment-events, each on its payment's partition; yield from time to time how many."""
        producer = producer_of(bootstrap, {"queue.buffering.max.messages": QUEUED_MAX})
        for written, number in enumerate(numbers):
            key, of, value = self.record(number)
            partition = partition_of(f"{self.tenant_id}:{key}", partitions)
            while True:
                try:
                    producer.produce(
                        topics.PAYMENT_EVENTS.name, key=of, value=value, partition=partition, headers=[*self._headers]
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
            if written % 100_000 == 0:
                producer.poll(0)
                yield written
        if producer.flush(WRITE_S_MAX):
            raise TimeoutError("the snapshots could not be written")
