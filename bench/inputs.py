"""The inputs of a run: payments as commands and reports, encoded, there before the clock starts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from confluent_kafka import Producer

from bench.breaking_rule import BREAKS
from bench.contestants import Contestant
from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from payments.commands import InitiatePayment, RailReport, Report
from schemas import codec, topics

T0_US = 1_772_323_200_000_000
SECOND_US = 1_000_000
TRANSACTION_MS_MAX = 900_000  # The longest that a broker allows by default.
WRITE_S_MAX = 60.0

Message = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One payment from its command to its settlement."""

    order: InitiatePayment
    claimed: RailReport
    settled: RailReport


def lives(run: str, count: int, *, breaks: frozenset[int] = frozenset()) -> Iterator[Life]:
    """Yield `count` payments of a run; those whose number is in `breaks` break the broken rule."""
    for number in range(count):
        order = InitiatePayment(
            command_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{run}-{number}")),
            tenant_id="bench",
            idempotency_key=f"rent-{run}-{number}",
            lease_id="0d1c8a9e-6a53-4d0e-9a1c-5f6a3c1b2d4e",
            payer_account_id="5b0a5a0e-3a54-4f6e-8f37-0a1f3f6a2b11",
            payee_account_id="9c1d7f52-1c0b-4c7f-a3a0-7b8f2d9e4c22",
            amount_minor=150_000 + number % 1000,
            payment_rail_type="standard_ach",
            description=BREAKS if number in breaks else "Rent for March",
            requested_at_us=T0_US + number,
        )
        yield Life(order=order, claimed=_report(order, Report.CLAIMED, 5), settled=_report(order, Report.SETTLED, 150))


def _report(order: InitiatePayment, what: Report, after_s: int) -> RailReport:
    return RailReport(
        tenant_id=order.tenant_id,
        idempotency_key=order.idempotency_key,
        attempt=1,
        report=what,
        occurred_at_us=order.requested_at_us + after_s * SECOND_US,
        bank_reference=f"{order.payment_id}:1" if what is Report.SETTLED else None,
    )


class Waiting(Protocol):
    """Records that the worker cannot see before they are released."""

    def release(self) -> None: ...


class InTransaction:
    """Records on the broker, in a transaction that is open: nobody who reads committed records sees them."""

    def __init__(self, bootstrap: str, topic: str, messages: Iterable[Message]) -> None:
        self._producer = producer_of(
            bootstrap,
            {"transactional.id": f"bench-{uuid.uuid4()}", "transaction.timeout.ms": TRANSACTION_MS_MAX},
        )
        self._producer.init_transactions(30)
        self._producer.begin_transaction()
        write(self._producer, topic, messages)

    def release(self) -> None:
        self._producer.commit_transaction()


class InMemory:
    """Records encoded and at hand, for a worker that reads uncommitted ones; writing them takes it no hundredth."""

    def __init__(self, bootstrap: str, topic: str, messages: Iterable[Message]) -> None:
        self._producer = producer_of(bootstrap)
        self._producer.list_topics(topic)
        self._topic = topic
        self._messages = list(messages)

    def release(self) -> None:
        write(self._producer, self._topic, self._messages)


def preloaded(bootstrap: str, contestant: Contestant, of: list[Life]) -> tuple[Waiting, Waiting]:
    """Return the commands and the reports of some payments, each to be released when its time has come."""
    kind = InTransaction if contestant.reads_committed else InMemory
    commands = ((each.order.key, codec.encode(each.order)) for each in of)
    reports = ((report.key, codec.encode(report)) for each in of for report in (each.claimed, each.settled))
    return (
        kind(bootstrap, contestant.topic(topics.PAYMENT_COMMANDS), commands),
        kind(bootstrap, contestant.topic(topics.RAIL_REPORTS), reports),
    )


def producer_of(bootstrap: str, settings: Mapping[str, str | int] = MappingProxyType({})) -> Producer:
    """Return a producer that places keys as ours are placed; `settings` come on top."""
    return Producer(
        {
            **client_settings(bootstrap, "bench"),
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 50,
            **settings,
        },
        logger=LIBRDKAFKA_LOG,
    )


def write(producer: Producer, topic: str, messages: Iterable[Message]) -> None:
    """Write the messages and wait until the broker has them all."""
    for key, value in messages:
        while True:
            try:
                producer.produce(topic, key=key, value=value)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(WRITE_S_MAX):
        raise TimeoutError(f"{topic} could not be written")
