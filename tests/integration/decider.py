"""A stand-in for the stream app: decides rail reports with the same pure function, one process, state in memory.

It lets the gateway be tested alone, and shows what the gateway said: every report it heard, and every refusal.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections import Counter, defaultdict

from confluent_kafka import Consumer, Producer, TopicPartition

from directory.changes import DirectoryRecord, DirectorySecret, State
from directory.entities import AccountType, BankAccount, Kind
from directory.sealing import Keyring
from kafka_log.connection import LIBRDKAFKA_LOG
from kafka_log.reader import LogReader
from payments.commands import CancelPayment, InitiatePayment, Order, RailReport, Report
from payments.decision import Moved, Refused
from payments.lifecycle import decide
from payments.payment import Payment, Status
from payments.rails import Rail
from schemas import codec, topics
from schemas.partitioning import partition_of
from tests.integration.rail_processes import KEYRING, PARTITIONS, eventually

ROUTING_NUMBER = "121042882"


class Decider:
    """Hears rail-reports and writes payment-events; tests order payments from it."""

    def __init__(self, bootstrap: str, *, speed: float) -> None:
        self._speed = speed
        self._keyring = Keyring.parse(KEYRING)
        settings = {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 1}
        self._producer = Producer(settings, logger=LIBRDKAFKA_LOG)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "decider",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
            },
            logger=LIBRDKAFKA_LOG,
        )
        # What was reported before is of other tests.
        asker = LogReader(bootstrap, client_id="decider-ends", isolation="read_uncommitted")
        ends = asker.end_offsets(topics.RAIL_REPORTS.name)
        asker.close()
        self._consumer.assign([TopicPartition(topics.RAIL_REPORTS.name, n, offset) for n, offset in ends.items()])
        self._lock = threading.Lock()
        self._payments: dict[str, Payment] = {}
        self.reports: defaultdict[str, list[RailReport]] = defaultdict(list)
        self.refused: list[tuple[RailReport, str]] = []
        self._is_paused = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="decider", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._consumer.close()
        self._producer.flush(10)

    def account(self, account_number: str, *, tenant_id: str = "acme", state: State = State.ACTIVE) -> str:
        """Write a bank account to the directory's topics and return its id."""
        account_id = str(uuid.uuid4())
        entity = BankAccount(
            user_id=str(uuid.uuid4()),
            account_holder_name="Bob Renter",
            account_type=AccountType.CHECKING,
            token=f"ba_{account_id}",
            last4=account_number[-4:],
        )
        numbers = f'{{"routing_number":"{ROUTING_NUMBER}","account_number":"{account_number}"}}'.encode()
        sealed = self._keyring.seal(account_id, numbers, os.urandom(12))
        secret = DirectorySecret(entity_id=account_id, tenant_id=tenant_id, kind=Kind.BANK_ACCOUNT, sealed=sealed)
        record = DirectoryRecord(
            entity_id=account_id,
            tenant_id=tenant_id,
            kind=Kind.BANK_ACCOUNT,
            state=state,
            version=1,
            created_by=str(uuid.uuid4()),
            changed_by=str(uuid.uuid4()),
            fingerprint=b"f" * 32,
            created_at_us=1_750_000_000_000_000,
            updated_at_us=1_750_000_000_000_000,
            entity=entity,
        )
        self._producer.produce(topics.DIRECTORY_SECRETS.name, key=account_id, value=codec.encode(secret))
        self._producer.produce(topics.DIRECTORY_EVENTS.name, key=account_id, value=codec.encode(record))
        assert self._producer.flush(10) == 0
        return account_id

    def pay(
        self,
        payer: str,
        payee: str,
        *,
        now_us: int,
        rail: Rail = Rail.INSTANT,
        tenant_id: str = "acme",
        amount_minor: int = 150_000,
        effective_date: str | None = None,
    ) -> str:
        """Initiate a payment and return its id."""
        order = InitiatePayment(
            command_id=str(uuid.uuid4()),
            tenant_id=tenant_id,
            idempotency_key=f"rent-{uuid.uuid4()}",
            payer_account_id=payer,
            payee_account_id=payee,
            amount_minor=amount_minor,
            payment_rail_type=rail.value,
            effective_date=effective_date,
            requested_at_us=now_us,
        )
        self.decide(order)
        return order.payment_id

    def cancel(self, payment_id: str, *, now_us: int) -> bool:
        """Cancel a payment, and say whether that was not too late."""
        head = self.payment(payment_id).head
        order = CancelPayment(
            tenant_id=head.tenant_id, idempotency_key=head.idempotency_key, cancel_key="stop", requested_at_us=now_us
        )
        return self.decide(order)

    def payment(self, payment_id: str) -> Payment:
        with self._lock:
            return self._payments[payment_id]

    def decide(self, order: Order) -> bool:
        """Decide an order, write what comes of it, and say whether it moved the payment."""
        with self._lock:
            decision = decide(order, self._payments.get(order.payment_id), rail_speed=self._speed)
            if isinstance(decision, Refused) and isinstance(order, RailReport):
                self.refused.append((order, decision.refusal.code))
            if not isinstance(decision, Moved):
                return False
            payment = decision.payment
            self._payments[payment.payment_id] = payment
            self._producer.produce(
                topics.PAYMENT_EVENTS.name,
                key=payment.payment_id,
                value=codec.encode(payment),
                partition=partition_of(payment.head.key, PARTITIONS),
                headers=[(name, value) for name, value in codec.event_headers(payment)],
            )
            self._producer.poll(0)
            return True

    def pause(self) -> None:
        """Hear nothing for now: as an outage of the stream app would."""
        self._is_paused.set()

    def resume(self) -> None:
        self._is_paused.clear()

    def wait_for(self, payment_id: str, *statuses: Status, seconds: float = 30.0) -> Payment:
        eventually(
            lambda: self.payment(payment_id).status in statuses,
            seconds,
            lambda: f"{payment_id} is {self.payment(payment_id).status}, heard {self.heard(payment_id)}",
        )
        return self.payment(payment_id)

    def heard(self, payment_id: str) -> list[Report]:
        """Return the reports on a payment, each kind once, in the order in which they were first heard."""
        with self._lock:
            return list(dict.fromkeys(report.report for report in self.reports[payment_id]))

    def count(self, payment_id: str, report: Report) -> int:
        """Return how often a report was heard."""
        with self._lock:
            return sum(each.report is report for each in self.reports[payment_id])

    def statuses(self) -> Counter[Status]:
        with self._lock:
            return Counter(payment.status for payment in self._payments.values())

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._is_paused.is_set():
                self._stopping.wait(0.01)
                continue
            first = self._consumer.poll(0.02)
            for message in [] if first is None else [first, *self._consumer.consume(1000, 0)]:
                error, value = message.error(), message.value()
                assert error is None or error.retriable(), error
                if isinstance(value, bytes) and error is None:
                    self._hear(message.partition(), value)

    def _hear(self, partition: int | None, value: bytes) -> None:
        report = codec.decode(value)
        assert isinstance(report, RailReport)
        assert partition == partition_of(report.key, PARTITIONS)
        with self._lock:
            self.reports[report.payment_id].append(report)
        self.decide(report)
