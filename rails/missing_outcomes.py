"""What the bank has decided and the log does not have: found by asking about every payment that is processing.

It does what the gateway does after a restart, without one: the reports have the gateway's ids, so whichever is heard
second changes nothing. Nothing is sent to the bank but questions.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from kafka_log.batches import in_batches
from kafka_log.producer import LogProducer, OutRecord
from kafka_log.reader import LogReader, Place
from kafka_log.span import read_span
from payments.commands import RailReport
from payments.payment import Payment, Status
from rails.bank import QUESTIONS_MAX, Bank, Reference, Standing
from rails.bank_desk import reports_of
from rails.instructions import claimed_at_us
from rails.reports import in_rounds, refused_report
from schemas import codec
from schemas.payment_memory import PaymentMemory
from schemas.topics import PAYMENT_EVENTS, RAIL_REPORTS

CLIENT = "directpay-repair"
RECORDS_A_READ_MAX = 5000
READ_WAIT_S = 0.2

Progress = Callable[[str, int, int], None]


class Told(Struct, frozen=True, kw_only=True):
    """What asking came to: reports to be written, and how many payments the bank answers how."""

    reports: tuple[RailReport, ...]
    standings: Mapping[Standing, int]


class ProcessingPayments:
    """The payments of a log that are processing. Everything blocks; raises KafkaException or LogGap."""

    def __init__(self, bootstrap: str, *, progress: Progress) -> None:
        self._reader = LogReader(bootstrap, client_id=CLIENT)
        self._progress = progress
        self._memory = PaymentMemory()
        self._open: dict[str, Payment] = {}
        self._ends: dict[Place, int] = {}

    def read(self) -> Sequence[Payment]:
        """Return those that are processing at this moment, by the whole log."""
        topic = PAYMENT_EVENTS.name
        self._ends = {(topic, number): end for number, end in self._reader.end_offsets(topic).items()}
        starts = dict.fromkeys(self._ends, 0)
        for message in read_span(self._reader, starts, self._ends, progress=partial(self._progress, "payment events")):
            self._take(message.value())
        return list(self._open.values())

    def wait_decided(self, payment_ids: Sequence[str], timeout_s: float) -> int:
        """Read on until these are processing no more, or time is up; return how many still are."""
        deadline = time.monotonic() + timeout_s
        waiting = set(payment_ids)
        self._reader.assign(self._ends)
        while waiting and time.monotonic() < deadline:
            for message in self._reader.read(RECORDS_A_READ_MAX, READ_WAIT_S):
                self._take(message.value())
            waiting &= self._open.keys()
        return len(waiting)

    def close(self) -> None:
        self._reader.close()

    def _take(self, value: bytes | None) -> None:
        payment = self._memory.decode(value)
        assert isinstance(payment, Payment), "nothing else is written there"
        if payment.status is Status.PROCESSING:
            self._open[payment.payment_id] = payment
        else:
            self._open.pop(payment.payment_id, None)


async def ask_about(payments: Sequence[Payment], bank: Bank, *, progress: Progress) -> Told:
    """Ask the bank about payments. Raises BankUnavailable; what was not answered is counted as unclear."""
    reports: list[RailReport] = []
    standings: Counter[Standing] = Counter()
    asked = 0
    for some in in_batches(payments, QUESTIONS_MAX):
        by_reference = {_reference(payment): payment for payment in some}
        answers = await bank.ask(list(by_reference))
        for reference, payment in by_reference.items():
            answer = answers.get(reference)
            standings[Standing.UNCLEAR if answer is None else answer.standing] += 1
            if answer is None:
                continue
            if answer.standing is Standing.DECIDED:
                reports += reports_of(answer.outcomes)
            elif answer.standing is Standing.REFUSED:
                reports.append(refused_report(payment, answer, now_us=claimed_at_us(payment)))
        asked += len(some)
        progress("payments asked about", asked, len(payments))
    return Told(reports=tuple(reports), standings=standings)


def tell(bootstrap: str, reports: Sequence[RailReport], *, delivery_timeout_s: float) -> None:
    """Write reports, each payment's in their order. Raises LogUnavailable: some may be written."""
    producer = LogProducer(bootstrap, client_id=CLIENT, delivery_timeout_s=delivery_timeout_s)
    try:
        for group in in_rounds(reports):
            for some in in_batches(group, QUESTIONS_MAX):
                producer.send_all_blocking(
                    [OutRecord(topic=RAIL_REPORTS.name, key=each.key, value=codec.encode(each)) for each in some]
                )
    finally:
        producer.close()


def _reference(payment: Payment) -> str:
    return str(Reference(payment_id=payment.payment_id, attempt=payment.attempt))
