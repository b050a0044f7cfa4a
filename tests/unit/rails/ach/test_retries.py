"""Debits that came back and are presented again: what Nacha allows, how the payment stands, what is in the files."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO

import pytest
from msgspec.structs import replace

from payments.rails import Rail
from rails.ach.book import Book
from rails.ach.book_reading import BookReading
from rails.ach.file_desk import Terms
from rails.ach.problems import RETURNED_TWICE
from rails.ach.retries import Postponable, RetryTerms, present_again_at_us
from rails.ach.return_watch import rates_on
from rails.bank import Result, Standing
from rails.nacha.addenda import PaymentInformation
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import EntryClass, ServiceClass
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.return_rates import Kind
from schemas.origination import AchReturn
from tests.unit.rails.ach.desk_in_hand import DeskInHand
from tests.unit.rails.ach.originator_in_hand import TERMS
from tests.unit.rails.ach.written_log import SENDER, answered, at_us, built, outcomes_of, read
from tests.unit.rails.instructions import instruction
from tests.unit.rails.nacha.independent_checker import check

PAID = instruction(1, rail=Rail.SAME_DAY_ACH)
TWICE = RetryTerms(times=2, after_banking_days=3)
Open = Callable[[Terms], DeskInHand]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens a desk that has handed in the debit of a payment, at noon."""
    worlds = []

    def open_with(terms: Terms) -> DeskInHand:
        world = DeskInHand(at_us("2026-12-01 09:00"), terms)
        worlds.append(world)
        world.desk.take([PAID])
        world.go_on(at_us("2026-12-01 12:00"))
        return world

    yield open_with
    for world in worlds:
        world.close()


@pytest.fixture
def desk(opened: Open) -> DeskInHand:
    """One that presents again twice, each time three banking days later."""
    return opened(dataclasses.replace(TERMS, retries=TWICE))


def send_back(world: DeskInHand, file_number: int, code: str) -> bytes:
    """Let the bank send back the first entry of a file, and return its file."""
    data = answered(built(world.reading, file_number), 0, code=code)
    world.desk.record_answers(BytesIO(data), hashlib.sha256(data).digest())
    return data


def sent(world: DeskInHand, file_number: int) -> tuple[BatchHeader, EntryDetail]:
    """The only batch and entry of a file."""
    data = built(world.reading, file_number)
    assert check(data) == []
    [batch] = read(data).batches
    [entry] = batch.entries
    return batch.header, entry


def descriptions(world: DeskInHand) -> list[str]:
    return [sent(world, row["file_number"])[0].company_entry_description for row in world.reading.files(0, 100)]


def told(world: DeskInHand) -> list[tuple[Result, str | None]]:
    return [(each.result, each.code) for each in outcomes_of(world.reading)]


def test_a_debit_for_which_there_was_no_money_is_presented_again_and_its_payment_completes(desk: DeskInHand) -> None:
    send_back(desk, 1, "R01")
    desk.go_on(at_us("2026-12-04 10:24"))
    assert len(desk.cut_offs) == 1
    assert told(desk) == []
    assert desk.reading.answers([PAID.reference])[PAID.reference].standing is Standing.IN_PROGRESS
    desk.go_on(at_us("2026-12-04 10:25"))
    (first_header, first), (header, again) = sent(desk, 1), sent(desk, 2)
    assert header.company_entry_description == "RETRY PYMT"
    assert (header.standard_entry_class, header.service_class) == (EntryClass.WEB, ServiceClass.DEBITS)
    assert (header.company_name, header.company_identification) == (
        first_header.company_name,
        first_header.company_identification,
    )
    assert again == replace(first, trace_number=again.trace_number)
    desk.go_on(at_us("2026-12-07 12:00"))
    assert told(desk) == [(Result.SETTLED, None)]
    assert descriptions(desk) == ["RENT", "RETRY PYMT", "RENT"]


def test_files_before_its_day_go_without_it_and_the_one_of_its_day_has_a_batch_for_it(desk: DeskInHand) -> None:
    send_back(desk, 1, "R01")
    desk.desk.take([instruction(2, rail=Rail.SAME_DAY_ACH)])
    desk.go_on(at_us("2026-12-04 09:00"))
    assert [each.entries for each in desk.cut_offs] == [1, 1, 1], "the debit, then debit and credit of the other"
    desk.desk.take([instruction(3, rail=Rail.SAME_DAY_ACH)])
    desk.go_on(at_us("2026-12-04 10:25"))
    data = built(desk.reading, 4)
    assert check(data) == []
    batches = {
        batch.header.company_entry_description: [
            entry.addenda.payment_related_information
            for entry in batch.entries
            if isinstance(entry.addenda, PaymentInformation)
        ]
        for batch in read(data).batches
    }
    assert batches == {"RENT": [instruction(3).reference], "RETRY PYMT": [PAID.reference]}
    [shown] = desk.reading.files(3, 10)
    assert (shown["debits"], shown["retries"], shown["debit_minor"]) == (1, 1, 2 * PAID.amount_minor)


def test_a_debit_is_presented_again_twice_and_then_its_payment_fails(desk: DeskInHand) -> None:
    send_back(desk, 1, "R01")
    desk.go_on(at_us("2026-12-04 12:00"))
    send_back(desk, 2, "R09")
    assert told(desk) == []
    desk.go_on(at_us("2026-12-09 12:00"))
    send_back(desk, 3, "R01")
    desk.go_on(at_us("2027-03-01 12:00"))
    [outcome] = outcomes_of(desk.reading)
    assert (outcome.result, outcome.code) == (Result.RETURNED, "R01")
    assert outcome.bank_reference == sent(desk, 3)[1].trace_number
    assert descriptions(desk) == ["RENT", "RETRY PYMT", "RETRY PYMT"]


def test_it_is_presented_again_as_often_as_is_set_and_not_unless_it_is(opened: Open) -> None:
    once = opened(dataclasses.replace(TERMS, retries=dataclasses.replace(TWICE, times=1)))
    send_back(once, 1, "R01")
    once.go_on(at_us("2026-12-04 12:00"))
    send_back(once, 2, "R01")
    assert told(once) == [(Result.RETURNED, "R01")]
    never = opened(TERMS)
    send_back(never, 1, "R01")
    assert told(never) == [(Result.RETURNED, "R01")]


@pytest.mark.parametrize("code", ["R02", "R03", "R08", "R10", "R16"])
def test_what_came_back_for_another_reason_is_not_presented_again(desk: DeskInHand, code: str) -> None:
    send_back(desk, 1, code)
    desk.go_on(at_us("2027-03-01 12:00"))
    assert told(desk) == [(Result.RETURNED, code)]
    assert len(desk.cut_offs) == 1


def test_a_retry_that_comes_back_for_another_reason_fails_the_payment_with_that(desk: DeskInHand) -> None:
    send_back(desk, 1, "R01")
    desk.go_on(at_us("2026-12-04 12:00"))
    send_back(desk, 2, "R02")
    assert told(desk) == [(Result.RETURNED, "R02")]


def test_a_debit_that_comes_back_when_it_had_settled_is_presented_again_and_no_credit_leaves(desk: DeskInHand) -> None:
    desk.go_on(at_us("2026-12-01 14:00"))
    send_back(desk, 1, "R09")
    desk.go_on(at_us("2026-12-04 10:25"))
    assert descriptions(desk) == ["RENT", "RETRY PYMT"]


def test_once_money_was_passed_on_a_debit_is_not_presented_again(desk: DeskInHand) -> None:
    desk.go_on(at_us("2026-12-02 12:00"))
    send_back(desk, 1, "R01")
    desk.go_on(at_us("2027-03-01 12:00"))
    assert told(desk) == [(Result.SETTLED, None), (Result.RETURNED, "R01")]
    assert descriptions(desk) == ["RENT", "RENT"]


def test_a_retry_that_comes_back_after_completion_returns_the_payment(desk: DeskInHand) -> None:
    send_back(desk, 1, "R01")
    desk.go_on(at_us("2026-12-07 12:00"))
    send_back(desk, 2, "R01")
    assert told(desk) == [(Result.SETTLED, None), (Result.RETURNED, "R01")]
    assert outcomes_of(desk.reading)[-1].bank_reference == sent(desk, 2)[1].trace_number


def test_the_same_return_read_twice_or_sent_twice_presents_nothing_more(desk: DeskInHand) -> None:
    data = send_back(desk, 1, "R01")
    before = len(desk.records)
    desk.desk.record_answers(BytesIO(data), hashlib.sha256(data).digest())
    assert len(desk.records) == before
    desk.go_on(at_us("2026-12-04 12:00"))
    # The first entry once more, in another file, while the second is under way.
    desk.desk.record_answers(BytesIO(data), b"h" * 32)
    last = desk.records[-1]
    assert isinstance(last, AchReturn)
    assert last.present_again_at_us is None
    assert desk.reading.problems() == {RETURNED_TWICE: 1}
    desk.go_on(at_us("2026-12-07 12:00"))
    assert told(desk) == [(Result.SETTLED, None)]


def test_a_book_that_is_folded_again_builds_the_same_files_and_tells_the_same(desk: DeskInHand) -> None:
    send_back(desk, 1, "R01")
    desk.go_on(at_us("2026-12-04 12:00"))
    send_back(desk, 2, "R01")
    desk.go_on(at_us("2026-12-11 12:00"))
    book = Book(None)
    book.adopt("log", len(desk.records))
    book.apply(list(enumerate(desk.records)))
    again = BookReading(book.connection)
    numbers = [row["file_number"] for row in again.files(0, 100)]
    assert numbers == [1, 2, 3, 4]
    assert [built(again, n) for n in numbers] == [built(desk.reading, n) for n in numbers]
    assert outcomes_of(again) == outcomes_of(desk.reading)


def test_retries_count_among_the_debits_of_return_rates(desk: DeskInHand) -> None:
    send_back(desk, 1, "R01")
    desk.go_on(at_us("2026-12-04 12:00"))
    send_back(desk, 2, "R01")
    assert {rate.level.kind: (rate.returned, rate.originated) for rate in rates_on(desk.reading, date(2026, 12, 4))}[
        Kind.OVERALL
    ] == (2, 2)


SETTLED_ON = "2026-12-03 13:00"  # 180 days before 2027-06-01; Monday the 31st of May is a holiday.


def returned(code: str, received: str) -> AchReturn:
    return AchReturn(
        file_sha256=b"h" * 32,
        line=4,
        original_trace_number="121042880000001",
        code=code,
        amount_minor=1,
        received_at_us=at_us(received),
    )


def debit(*, retries: int = 0) -> Postponable:
    return Postponable(retries=retries, first_sender=SENDER, first_settles_at_us=at_us(SETTLED_ON))


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("code", ["R01", "R09"])
def test_it_waits_from_the_morning_so_many_banking_days_later_until_180_days_are_over(code: str, retries: int) -> None:
    terms = RetryTerms(times=2, after_banking_days=1)
    last = present_again_at_us(returned(code, "2027-05-28 23:59"), debit(retries=retries), terms, SENDER)
    assert last == at_us("2027-06-01 00:00")
    assert present_again_at_us(returned(code, "2027-06-01 00:01"), debit(retries=retries), terms, SENDER) is None


def test_more_than_two_are_not_presented_whatever_is_set() -> None:
    terms = RetryTerms(times=9, after_banking_days=1)
    assert present_again_at_us(returned("R01", "2026-12-04 09:00"), debit(retries=2), terms, SENDER) is None


@pytest.mark.parametrize("changed", [{"company_name": "OTHER"}, {"company_identification": "1000000001"}])
def test_another_company_does_not_present_again(changed: dict[str, str]) -> None:
    came = returned("R01", "2026-12-04 09:00")
    assert present_again_at_us(came, debit(), TWICE, SENDER) is not None
    assert present_again_at_us(came, debit(), TWICE, replace(SENDER, **changed)) is None
