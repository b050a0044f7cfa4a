"""A log of ach-origination in the test's hand: writes the records that an originator would, and folds them."""

from __future__ import annotations

import hashlib
from datetime import date, time
from io import BytesIO

from directory.sealing import Keyring
from payments.rails import Rail
from payments.windows import BankHours, eastern, instant_us
from payments.windows import Leg as WindowLeg
from rails.ach.book import Book
from rails.ach.book_reading import BookReading
from rails.ach.cut_offs import FILE_ID_MODIFIERS, file_window
from rails.ach.filed_contents import contents_of
from rails.ach.numbers import seal_numbers
from rails.ach.phases import PARTS, Leg
from rails.bank import Instruction, Outcome
from rails.nacha.answers import answer_header, change_of, return_of
from rails.nacha.contents import Batch, NachaFile, trace_number
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.payment_entries import first_live_day
from rails.nacha.reader import read_file
from rails.nacha.writer import build_file
from schemas.origination import (
    AchCutOff,
    AchDelivery,
    AchNotice,
    AchParty,
    AchPayment,
    AchRecord,
    AchReturn,
    AchSender,
    AchSettlement,
)
from tests.unit.rails.accounts import KEYRING
from tests.unit.rails.nacha.contents import HEADER

HOURS = BankHours()
SENDER = AchSender(
    company_name="DIRECTPAY",
    company_identification="1987000321",
    entry_description="RENT",
    bank_routing_number="121042882",
    destination_routing_number="091400606",
    destination_name="FEDERAL RESERVE BANK",
    origin="121042882",
    origin_name="DIRECTPAY BANK",
    payee_class="PPD",
)
MINUTE_US = 60_000_000
OURS, THEIRS = "121042882", "231380100000001"


def at_us(day_and_time: str) -> int:
    """An Eastern wall clock time, as 2026-12-01 10:30."""
    day, _, clock = day_and_time.partition(" ")
    return instant_us(date.fromisoformat(day), time.fromisoformat(clock))


def payment_of(
    instruction: Instruction, submitted_at_us: int, keyring: Keyring = KEYRING, *, is_prenoted: bool = False
) -> AchPayment:
    """The record of an instruction that was taken, sealed with a nonce of its own."""
    window = HOURS.window_at(instruction.rail, submitted_at_us, WindowLeg.DEBIT, amount_minor=instruction.amount_minor)
    return AchPayment(
        reference=instruction.reference,
        payment_key=instruction.payment_key,
        rail=instruction.rail,
        travels_by=window.rail,
        amount_minor=instruction.amount_minor,
        currency=instruction.currency,
        payer=AchParty(holder=instruction.debit.holder, account_type=instruction.debit.account_type),
        payee=AchParty(holder=instruction.credit.holder, account_type=instruction.credit.account_type),
        numbers=seal_numbers(instruction, keyring, hashlib.sha256(instruction.reference.encode()).digest()[:12]),
        claimed_at_us=instruction.claimed_at_us,
        settle_by_us=instruction.settle_by_us,
        submitted_at_us=submitted_at_us,
        is_refund=instruction.is_refund,
        is_prenoted=is_prenoted,
    )


class WrittenLog:
    """Records as they were written, at offsets with gaps (a transaction's marker is one), and the book of them."""

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us
        self.records: list[tuple[int, AchRecord]] = []
        self.book = Book(None)
        self.book.adopt("log", 0)
        self.reading = BookReading(self.book.connection)

    def write(self, record: AchRecord) -> None:
        self.now_us += MINUTE_US
        offset = self.records[-1][0] + 2 if self.records else 0
        self.records.append((offset, record))
        self.book.apply([(offset, record)])

    def take(self, instruction: Instruction, *, is_prenoted: bool = False) -> None:
        self.write(payment_of(instruction, self.now_us, is_prenoted=is_prenoted))

    def cut_off(self, rail: Rail, *, most: int = 1_000_000) -> int | None:
        """Cut a file of what waits, at most so many entries, and return its number; None when nothing waits."""
        waiting = sum(self.reading.counts_by_file(rail, self.now_us))
        if not waiting:
            return None
        window = file_window(HOURS, rail, self.now_us)
        numbers = self.reading.next_file(eastern(self.now_us).date())
        self.write(
            AchCutOff(
                file_number=numbers.file_number,
                rail=rail,
                deadline_us=window.closes_at_us,
                settles_at_us=window.settles_at_us,
                created_at_us=self.now_us,
                file_id_modifier=FILE_ID_MODIFIERS[numbers.files_that_day % len(FILE_ID_MODIFIERS)],
                first_sequence=numbers.first_sequence,
                entries=min(most, waiting),
                sender=SENDER,
            )
        )
        return numbers.file_number

    def settle(self, file_number: int) -> None:
        """Hand a file in, and let its settlement time pass."""
        filed = self.reading.file(file_number)
        assert filed is not None
        settles_at_us = filed.cut_off.settles_at_us
        if filed.sha256 is None:
            sha256 = hashlib.sha256(self.bytes_of(file_number)).digest()
            delivery = AchDelivery(
                file_number=file_number, sha256=sha256, delivered_at_us=self.now_us, settles_at_us=settles_at_us
            )
            self.write(delivery)
        debits_from_us: int | None = None
        if any(part.leg is Leg.PRENOTE for part in filed.counts):
            debits_from_us = instant_us(first_live_day(eastern(settles_at_us).date()), time(0, 0))
        self.write(AchSettlement(file_number=file_number, settled_at_us=settles_at_us, debits_from_us=debits_from_us))

    def give_back(
        self, trace: str, *, code: str = "R01", amount_minor: int, line: int = 0, again_at_us: int | None = None
    ) -> None:
        """Let an entry come back, by its trace number, to be presented again from a time on or not at all."""
        self.write(
            AchReturn(
                file_sha256=hashlib.sha256(trace.encode()).digest(),
                line=line or 4,
                original_trace_number=trace,
                code=code,
                amount_minor=amount_minor,
                received_at_us=self.now_us,
                present_again_at_us=again_at_us,
            )
        )

    def notify(self, trace: str, *, code: str = "C01") -> None:
        sha256 = hashlib.sha256(b"notice" + trace.encode()).digest()
        corrected = KEYRING.seal(f"{sha256.hex()}:4", b"123456", b"n" * 12)
        self.write(
            AchNotice(
                file_sha256=sha256,
                line=4,
                original_trace_number=trace,
                code=code,
                corrected=corrected,
                received_at_us=self.now_us,
            )
        )

    def outcomes(self) -> list[Outcome]:
        return outcomes_of(self.reading)

    def bytes_of(self, file_number: int) -> bytes:
        return built(self.reading, file_number)

    def traces(self, file_number: int) -> dict[tuple[str, Leg], str]:
        """The trace numbers of a file's entries."""
        return traces_of(self.reading, file_number)


def built(reading: BookReading, file_number: int) -> bytes:
    filed = reading.file(file_number)
    assert filed is not None
    return build_file(contents_of(reading, filed, KEYRING))


def read(data: bytes) -> NachaFile:
    return read_file(BytesIO(data))


def outcomes_of(reading: BookReading) -> list[Outcome]:
    return [outcome for _, outcome in reading.outcomes(0, 1_000_000)]


def traces_of(reading: BookReading, file_number: int) -> dict[tuple[str, Leg], str]:
    filed = reading.file(file_number)
    assert filed is not None
    legs = [(payment.reference, part.leg) for part in PARTS for payment in reading.payments_of(file_number, part)]
    first = filed.cut_off.first_sequence
    return {each: trace_number(SENDER.bank_routing_number[:8], first + place) for place, each in enumerate(legs)}


def answered(data: bytes, place: int, *, code: str) -> bytes:
    """The bank's file that sends an entry back, or (a code that begins with C) corrects it."""
    batch = next(iter(read(data).batches))
    entry = list(batch.entries)[place]
    answer: EntryDetail
    if code.startswith("C"):
        answer = change_of(entry, code=code, corrected_data="55555", to_routing_number=OURS, trace_number=THEIRS)
    else:
        answer = return_of(
            entry, code=code, information="MAY HOLD 987654321", to_routing_number=OURS, trace_number=THEIRS
        )
    header = answer_header(
        batch.header, codes=[answer.transaction_code], from_dfi="23138010", batch_number=1, changes=code.startswith("C")
    )
    return build_file(NachaFile(header=HEADER, batches=[Batch(header=header, entries=[answer])]))
