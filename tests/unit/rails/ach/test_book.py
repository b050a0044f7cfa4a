"""The book is a pure fold: whatever is taken, cut off, settled and sent back, and wherever a fold begins anew."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from directory.entities import AccountType
from payments.rails import Rail
from rails.ach.book import Book
from rails.ach.book_reading import BookReading
from rails.ach.payment_file import payment_file
from rails.ach.phases import PARTS, WAITING, Leg, Part, Phase
from rails.ach.problems import DISPUTED, FOR_A_PERSON, OTHER_AMOUNT, RETURNED_TWICE, UNKNOWN_TRACE, UNTIMELY
from rails.bank import Instruction, Outcome, Reference, Result, Standing
from rails.nacha.addenda import PaymentInformation
from rails.nacha.codes import EntryClass, ServiceClass
from rails.nacha.second_entries import REPRESENTMENTS_MAX, RETRY_PAYMENT
from rails.nacha.writer import build_file
from schemas.origination import AchCutOff, AchPayment
from tests.unit.rails.ach.written_log import MINUTE_US, SENDER, WrittenLog, at_us, built, outcomes_of, read
from tests.unit.rails.instructions import instruction
from tests.unit.rails.nacha.independent_checker import check

DAY_US = 86_400_000_000
MONDAY_US = at_us("2026-11-30 09:00")
FAR_US = at_us("2027-11-30 09:00")
SAME_DAY, STANDARD = Rail.SAME_DAY_ACH, Rail.STANDARD_ACH
PAYER, PAYEE = "987654321", "123456789"


def order(n: int, *, rail: Rail = SAME_DAY, amount_minor: int = 150_000, is_refund: bool = False) -> Instruction:
    return instruction(n, rail=rail, amount_minor=amount_minor, is_refund=is_refund)


CUT_OFF = AchCutOff(
    file_number=1,
    rail=SAME_DAY,
    deadline_us=MONDAY_US,
    settles_at_us=MONDAY_US,
    created_at_us=MONDAY_US,
    file_id_modifier="A",
    first_sequence=1,
    entries=4,
    sender=SENDER,
)


def told(outcomes: list[Outcome]) -> list[tuple[str, Result, str | None]]:
    return [(each.reference, each.result, each.code) for each in outcomes]


def filed(log: WrittenLog, rail: Rail = SAME_DAY) -> int:
    number = log.cut_off(rail)
    assert number is not None
    return number


@pytest.fixture
def log() -> WrittenLog:
    return WrittenLog(MONDAY_US)


def test_a_payment_is_debited_in_one_file_and_credited_in_a_later_one(log: WrittenLog) -> None:
    paid = order(1)
    log.take(paid)
    debits = filed(log)
    assert log.cut_off(SAME_DAY) is None, "nothing is paid out of money that has not come"
    log.settle(debits)
    credits_ = filed(log)
    log.settle(credits_)
    [debit_batch], [credit_batch] = read(log.bytes_of(debits)).batches, read(log.bytes_of(credits_)).batches
    assert debit_batch.header.standard_entry_class is EntryClass.WEB
    assert credit_batch.header.standard_entry_class is EntryClass.PPD
    assert [entry.account_number for entry in debit_batch.entries] == ["987654321"]
    assert [entry.account_number for entry in credit_batch.entries] == ["123456789"]
    [outcome] = log.outcomes()
    assert (outcome.reference, outcome.payment_key, outcome.result) == (
        paid.reference,
        paid.payment_key,
        Result.SETTLED,
    )
    assert outcome.occurred_at_us == at_us("2026-11-30 13:00")
    assert outcome.bank_reference == "121042880000002"


def test_an_entry_goes_into_the_next_file_of_its_rail_only(log: WrittenLog) -> None:
    log.take(order(1, rail=STANDARD))
    log.take(order(2))
    assert log.traces(filed(log)) == {(order(2).reference, Leg.DEBIT): "121042880000001"}
    assert log.traces(filed(log, STANDARD)) == {(order(1).reference, Leg.DEBIT): "121042880000002"}


def test_an_entry_above_the_limit_of_same_day_travels_by_standard_files(log: WrittenLog) -> None:
    log.take(order(1, amount_minor=100_000_001))
    assert log.cut_off(SAME_DAY) is None
    assert log.cut_off(STANDARD) == 1


def test_a_file_holds_debits_then_credits_then_what_is_given_back(log: WrittenLog) -> None:
    for n in (1, 2):
        log.take(order(n))
    log.settle(filed(log))
    credits_ = filed(log)
    log.settle(credits_)
    log.give_back(log.traces(credits_)[order(1).reference, Leg.CREDIT], code="R03", amount_minor=150_000)
    log.take(order(3))
    log.settle(filed(log))
    log.take(order(4))
    mixed = filed(log)
    batches = list(read(log.bytes_of(mixed)).batches)
    assert [(each.header.standard_entry_class, each.header.company_entry_description) for each in batches] == [
        (EntryClass.WEB, "RENT"),
        (EntryClass.PPD, "RENT"),
    ]
    [given_back] = [entry for batch in list(read(log.bytes_of(3)).batches)[1:] for entry in batch.entries]
    assert given_back.account_number == "987654321", "to the payer"
    assert check(log.bytes_of(mixed)) == check(log.bytes_of(3)) == []


def test_refunds_stand_in_batches_of_their_own_which_say_so_and_name_who_was_debited_and_credited(
    log: WrittenLog,
) -> None:
    for n, is_refund in ((1, True), (2, False), (3, True)):
        log.take(order(n, is_refund=is_refund))
    debits = filed(log)
    log.settle(debits)
    log.take(order(4))
    credits_ = filed(log)
    assert headers_of(log, debits) == [("WEB", 225, "RENT", 1), ("PPD", 225, "REFUND", 2)]
    assert headers_of(log, credits_) == [("WEB", 225, "RENT", 1), ("PPD", 220, "RENT", 1), ("PPD", 220, "REFUND", 2)]
    trace = log.traces(credits_)[order(3, is_refund=True).reference, Leg.CREDIT]
    log.give_back(trace, code="R03", amount_minor=150_000)
    back = filed(log)
    assert headers_of(log, back) == [("PPD", 220, "REFUND", 1)]
    assert {check(log.bytes_of(number)) == [] for number in (debits, credits_, back)} == {True}


def headers_of(log: WrittenLog, file_number: int) -> list[tuple[str, int, str, int]]:
    """Class, service class, description and number of entries of each batch, which all name the same company."""
    found = []
    for batch in read(log.bytes_of(file_number)).batches:
        header = batch.header
        assert (header.company_name, header.company_identification) == ("DIRECTPAY", "1987000321")
        entries = list(batch.entries)
        # Only a debit that was authorised online says whether it recurs.
        is_web = header.standard_entry_class is EntryClass.WEB
        assert {entry.discretionary_data for entry in entries} == {"S" if is_web else ""}
        described = header.company_entry_description
        found.append((header.standard_entry_class.value, header.service_class.value, described, len(entries)))
    return found


@pytest.mark.parametrize("landlords", ["PPD", "CCD"])
def test_a_refund_debits_the_landlord_in_the_class_in_which_it_is_paid_and_credits_the_renter_as_a_consumer(
    landlords: str,
) -> None:
    cut_off = replace(CUT_OFF, sender=replace(SENDER, payee_class=landlords))
    refund = [order(1, is_refund=True)]
    counts = {Part(leg, is_refund=True): 1 for leg in (Leg.DEBIT, Leg.RETRY, Leg.CREDIT, Leg.GIVE_BACK)}
    contents = read(build_file(payment_file(cut_off, counts, lambda _part: refund)))
    found = {
        (each.header.service_class.value, each.header.company_entry_description): each.header.standard_entry_class
        for each in list(contents.batches)[:3]
    }
    assert found == {(225, "REFUND"): landlords, (225, "RETRY PYMT"): landlords, (220, "REFUND"): "PPD"}
    [_, _, credit, back] = contents.batches
    assert [entry.account_number for entry in credit.entries] == [PAYEE]
    assert (back.header.standard_entry_class, [entry.account_number for entry in back.entries]) == (landlords, [PAYER])


def test_a_file_that_is_full_leaves_the_rest_to_the_next(log: WrittenLog) -> None:
    for n in range(1, 6):
        log.take(order(n))
    first, second = log.cut_off(SAME_DAY, most=3), log.cut_off(SAME_DAY)
    assert (first, second) == (1, 2)
    assert [reference for reference, _ in log.traces(1)] == [order(n).reference for n in (1, 2, 3)]
    assert [reference for reference, _ in log.traces(2)] == [order(n).reference for n in (4, 5)]


def test_a_debit_that_comes_back_fails_the_payment_and_its_credit_never_leaves(log: WrittenLog) -> None:
    log.take(order(1))
    debits = filed(log)
    trace = log.traces(debits)[order(1).reference, Leg.DEBIT]
    log.settle(debits)
    log.give_back(trace, code="R01", amount_minor=150_000)
    assert log.cut_off(SAME_DAY) is None
    assert told(log.outcomes()) == [(order(1).reference, Result.RETURNED, "R01")]
    assert log.outcomes()[0].reason == "insufficient funds"


def test_a_debit_that_comes_back_before_its_file_settled_gives_no_credit(log: WrittenLog) -> None:
    log.take(order(1))
    debits = filed(log)
    log.give_back(log.traces(debits)[order(1).reference, Leg.DEBIT], amount_minor=150_000)
    log.settle(debits)
    assert log.cut_off(SAME_DAY) is None


def test_a_debit_that_comes_back_while_its_credit_is_under_way_is_told_when_that_arrived(log: WrittenLog) -> None:
    log.take(order(1))
    debits = filed(log)
    log.settle(debits)
    credits_ = filed(log)
    log.give_back(log.traces(debits)[order(1).reference, Leg.DEBIT], code="R10", amount_minor=150_000)
    assert log.outcomes() == []
    assert log.reading.answers([order(1).reference])[order(1).reference].standing is Standing.IN_PROGRESS
    log.settle(credits_)
    reference = order(1).reference
    assert told(log.outcomes()) == [(reference, Result.SETTLED, None), (reference, Result.RETURNED, "R10")]


def test_a_debit_that_comes_back_after_completion_returns_the_payment(log: WrittenLog) -> None:
    log.take(order(1))
    debits = filed(log)
    log.settle(debits)
    log.settle(filed(log))
    log.give_back(log.traces(debits)[order(1).reference, Leg.DEBIT], code="R07", amount_minor=150_000)
    assert [each.result for each in log.outcomes()] == [Result.SETTLED, Result.RETURNED]
    assert log.cut_off(SAME_DAY) is None


def test_a_credit_that_comes_back_is_given_back_to_the_payer_in_the_next_file(log: WrittenLog) -> None:
    log.take(order(1))
    log.settle(filed(log))
    credits_ = filed(log)
    log.settle(credits_)
    log.give_back(log.traces(credits_)[order(1).reference, Leg.CREDIT], code="R03", amount_minor=150_000)
    back = filed(log)
    [batch] = read(log.bytes_of(back)).batches
    assert batch.header.company_entry_description == "REFUND"
    assert [(entry.account_number, entry.amount_minor) for entry in batch.entries] == [("987654321", 150_000)]
    log.settle(back)
    assert [each.result for each in log.outcomes()] == [Result.SETTLED, Result.RETURNED]
    assert log.reading.phases() == [{"phase": Phase.GIVEN_BACK, "payments": 1, "amount_minor": 150_000}]


@pytest.mark.parametrize(
    ("trace", "code", "amount_minor", "problem"),
    [
        ("121042880000009", "R01", 150_000, UNKNOWN_TRACE),
        ("999999990000001", "R01", 150_000, UNKNOWN_TRACE),  # Of another bank.
        ("121042880000001", "R01", 149_999, OTHER_AMOUNT),
        ("121042880000001", "R71", 150_000, DISPUTED),
    ],
)
def test_what_cannot_be_acted_on_is_kept_for_a_person(
    log: WrittenLog, trace: str, code: str, amount_minor: int, problem: str
) -> None:
    log.take(order(1))
    log.settle(filed(log))
    log.give_back(trace, code=code, amount_minor=amount_minor)
    assert log.reading.problems() == {problem: 1}
    assert log.outcomes() == []
    assert log.cut_off(SAME_DAY) is not None, "the payment goes its way"


def test_a_second_return_of_an_entry_is_kept_for_a_person_and_the_same_line_twice_changes_nothing(
    log: WrittenLog,
) -> None:
    log.take(order(1))
    trace = log.traces(filed(log))[order(1).reference, Leg.DEBIT]
    log.give_back(trace, amount_minor=150_000)
    log.give_back(trace, amount_minor=150_000)
    assert log.reading.problems() == {}
    log.give_back(trace, amount_minor=150_000, line=8)
    assert log.reading.problems() == {RETURNED_TWICE: 1}
    assert len(log.outcomes()) == 1


@pytest.mark.parametrize(
    ("code", "heard", "problems"),
    [
        ("R01", "2026-12-02 23:59", {}),
        ("R01", "2026-12-03 00:01", {UNTIMELY: 1}),
        ("R29", "2026-12-03 00:01", {UNTIMELY: 1}),
        # 60 days after 30 November is a Friday, and what was sent then is heard of on Monday.
        ("R10", "2027-02-01 09:00", {}),
        ("R10", "2027-02-02 09:00", {UNTIMELY: 1}),
        ("R06", "2027-06-01 09:00", {}),
    ],
)
def test_a_return_that_comes_too_late_is_acted_on_and_shown_to_a_person(
    log: WrittenLog, code: str, heard: str, problems: dict[str, int]
) -> None:
    log.take(order(1))
    debits = filed(log)
    log.settle(debits)
    log.settle(filed(log))
    log.now_us = at_us(heard)
    log.give_back(log.traces(debits)[order(1).reference, Leg.DEBIT], code=code, amount_minor=150_000)
    assert told(log.outcomes())[1:] == [(order(1).reference, Result.RETURNED, code)]
    assert log.reading.problems() == problems


def test_a_debit_that_came_back_does_not_settle_while_its_retry_is_under_way(log: WrittenLog) -> None:
    log.take(order(1))
    debits = filed(log)
    trace = log.traces(debits)[order(1).reference, Leg.DEBIT]
    log.give_back(trace, amount_minor=150_000, again_at_us=log.now_us)
    retries = filed(log)
    log.settle(debits)
    assert log.cut_off(SAME_DAY) is None, "nothing is paid out of money that has not come"
    log.settle(retries)
    assert log.traces(filed(log)).keys() == {(order(1).reference, Leg.CREDIT)}


def test_debits_are_originated_when_their_file_is_handed_in(log: WrittenLog) -> None:
    day = date(2026, 11, 30)
    log.take(order(1))
    debits = filed(log)
    assert log.reading.debits_originated(day, day) == {}
    log.settle(debits)
    assert log.reading.debits_originated(day, day) == {day: 1}


def test_money_that_can_be_neither_passed_on_nor_given_back_calls_a_person(log: WrittenLog) -> None:
    log.take(order(1))
    log.settle(filed(log))
    credits_ = filed(log)
    log.give_back(log.traces(credits_)[order(1).reference, Leg.CREDIT], amount_minor=150_000)
    back = filed(log)
    log.give_back(log.traces(back)[order(1).reference, Leg.GIVE_BACK], amount_minor=150_000)
    assert log.reading.problems() == {FOR_A_PERSON: 1}


def test_a_notice_is_kept_beside_its_payment_and_changes_nothing(log: WrittenLog) -> None:
    log.take(order(1))
    trace = log.traces(filed(log))[order(1).reference, Leg.DEBIT]
    log.notify(trace)
    log.notify("121042880000007")
    shown = {(each["original_trace_number"], each["reference"]) for each in log.reading.incoming(0, 10)}
    assert shown == {(trace, order(1).reference), ("121042880000007", None)}
    assert log.reading.problems() == {UNKNOWN_TRACE: 1}


def test_a_reference_is_taken_once(log: WrittenLog) -> None:
    log.take(order(1))
    log.take(order(1, amount_minor=1))
    assert len(log.traces(filed(log))) == 1


def test_a_payment_of_an_earlier_release_is_known_by_todays_reference_and_its_file_keeps_its_bytes(
    log: WrittenLog,
) -> None:
    now = order(1).reference
    before = f"{Reference.parse(now).payment_id}:1"
    log.take(replace(order(1), reference=before))
    assert log.reading.answers([now])[now].standing is Standing.IN_PROGRESS
    debits = filed(log)
    [entry] = next(iter(read(log.bytes_of(debits)).batches)).entries
    assert entry.addenda == PaymentInformation(payment_related_information=before)
    log.settle(debits)
    log.settle(filed(log))
    assert told(log.outcomes()) == [(now, Result.SETTLED, None)]


def test_the_book_of_another_log_is_emptied(tmp_path: Path, log: WrittenLog) -> None:
    log.take(order(1))
    book = Book(tmp_path / "book.sqlite")
    assert book.adopt("log", 1)
    book.apply(log.records)
    assert book.next_offset == 1
    book.close()
    book = Book(tmp_path / "book.sqlite")
    assert book.adopt("log", 1)
    assert not book.adopt("log", 0), "it reaches beyond the log's end"
    assert book.next_offset == 0
    assert not book.adopt("other", 10)


def test_a_damaged_book_is_folded_again(tmp_path: Path, log: WrittenLog) -> None:
    path = tmp_path / "book.sqlite"
    path.write_bytes(b"not a database" * 1000)
    log.take(order(1))
    filed(log)
    book = Book(path)
    book.adopt("log", 100)
    book.apply(log.records)
    assert built(BookReading(book.connection), 1) == log.bytes_of(1)


def test_a_name_and_a_savings_account_are_written_as_they_were_taken(log: WrittenLog) -> None:
    paid = order(1)
    paid = replace(paid, debit=replace(paid.debit, holder="Zoë", account_type=AccountType.SAVINGS))
    log.take(paid)
    [batch] = read(log.bytes_of(filed(log))).batches
    [entry] = batch.entries
    assert (entry.individual_name, entry.transaction_code, entry.amount_minor) == ("Zoe", 37, 150_000)
    assert entry.addenda == PaymentInformation(payment_related_information=paid.reference)


# Any history: what happens, as numbers that are taken modulo what there is.
steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "cut_off", "cut_off", "settle", "settle", "return", "change", "wait"]),
        st.integers(0, 99),
    ),
    max_size=40,
)


def lived(history: list[tuple[str, int]]) -> WrittenLog:
    """Let a history happen."""
    log = WrittenLog(MONDAY_US)
    settled = taken = 0
    for what, n in history:
        files = log.reading.next_file(date(2026, 11, 30)).file_number - 1
        match what:
            case "take":
                taken += 1
                rail = STANDARD if n % 3 == 0 else SAME_DAY
                paid = order(taken, rail=rail, amount_minor=100 + n, is_refund=n % 4 == 1)
                log.take(paid, is_prenoted=n % 5 == 2 and not paid.is_refund)
            case "cut_off":
                log.cut_off(STANDARD if n % 3 == 0 else SAME_DAY, most=1 + n % 5)
            case "settle" if settled < files:
                settled += 1
                log.settle(settled)
            case "return" if files:
                entries = sorted(log.traces(1 + n % files).items())
                (reference, leg), trace = entries[n % len(entries)]
                [payment] = [
                    p
                    for part in PARTS
                    for p in log.reading.payments_of(1 + n % files, part)
                    if p.reference == reference
                ]
                again_at_us = None
                if n % 2 and (debit := log.reading.postponable(trace)) and debit.retries < REPRESENTMENTS_MAX:
                    again_at_us = log.now_us + n * MINUTE_US
                amount_minor = 0 if leg is Leg.PRENOTE else payment.amount_minor
                log.give_back(trace, code="R01", amount_minor=amount_minor, line=4 + n, again_at_us=again_at_us)
            case "change" if files:
                log.notify(next(iter(log.traces(1 + n % files).values())))
            case "wait":
                log.now_us += 5 * DAY_US
    return log


def files_of(reading: BookReading) -> list[bytes]:
    return [built(reading, each["file_number"]) for each in reading.files(0, 1000)]


@settings(max_examples=60, deadline=None)
@given(steps)
def test_every_entry_is_in_exactly_one_file_and_the_sums_agree(history: list[tuple[str, int]]) -> None:
    log = lived(history)
    found: Counter[tuple[str, str]] = Counter()
    traces: set[str] = set()
    refunds = {each.reference for _, each in log.records if isinstance(each, AchPayment) and each.is_refund}
    for row, data in zip(log.reading.files(0, 1000), files_of(log.reading), strict=True):
        assert check(data) == []
        sums = {"debit_minor": 0, "credit_minor": 0}
        for batch in read(data).batches:
            is_debit = batch.header.service_class is ServiceClass.DEBITS
            for entry in batch.entries:
                assert entry.trace_number not in traces
                traces.add(entry.trace_number)
                if entry.addenda is None:
                    assert (entry.transaction_code, entry.amount_minor) == (28, 0)
                    continue
                assert isinstance(entry.addenda, PaymentInformation)
                is_refund = entry.addenda.payment_related_information in refunds
                assert (batch.header.standard_entry_class is EntryClass.WEB) is (is_debit and not is_refund)
                kind = "debit" if is_debit else "credit" if entry.account_number == PAYEE else "give_back"
                if batch.header.company_entry_description == RETRY_PAYMENT:
                    kind = f"retry {found[entry.addenda.payment_related_information, 'retry 1'] + 1}"
                else:
                    is_back = is_refund or kind == "give_back"
                    assert batch.header.company_entry_description == ("REFUND" if is_back else "RENT")
                found[entry.addenda.payment_related_information, kind] += 1
                sums["debit_minor" if is_debit else "credit_minor"] += entry.amount_minor
        assert sums == {name: row[name] for name in sums}
        assert sum(row[name] for name in ("prenotes", "debits", "retries", "credits", "give_backs")) == sum(
            len(list(batch.entries)) for batch in read(data).batches
        )
    assert set(found.values()) <= {1}
    assert {kind for _, kind in found} <= {"debit", "retry 1", "retry 2", "credit", "give_back"}
    # What was taken and is in no file waits.
    waiting = sum(sum(log.reading.counts_by_file(rail, FAR_US)) for rail in (SAME_DAY, STANDARD))
    phases = {row["phase"]: row["payments"] for row in log.reading.phases()}
    for reference, phase in log.book.connection.execute("SELECT reference, phase FROM payments"):
        is_undebited = phase in (Phase.PRENOTE_WAITS, Phase.PRENOTE_FILED, Phase.DEBIT_WAITS, Phase.FAILED)
        assert found[reference, "debit"] or is_undebited
    assert waiting == sum(phases.get(each, 0) for each in WAITING)


@settings(max_examples=40, deadline=None)
@given(steps, st.data())
def test_a_fold_may_stop_anywhere_begin_anew_and_hear_things_twice(
    history: list[tuple[str, int]], data: st.DataObject
) -> None:
    log = lived(history)
    book = Book(None)
    book.adopt("log", 0)
    at = 0
    while at < len(log.records):
        # A crash: what was applied is kept, and some of it is read again.
        again = data.draw(st.integers(0, at), label="read again from")
        upto = data.draw(st.integers(at + 1, len(log.records)), label="up to")
        book.apply(log.records[again:upto])
        at = upto
    reading = BookReading(book.connection)
    assert files_of(reading) == files_of(log.reading)
    assert outcomes_of(reading) == outcomes_of(log.reading)
    assert reading.phases() == log.reading.phases()
    assert reading.incoming(0, 1000) == log.reading.incoming(0, 1000)
    days = date(2026, 11, 1), date(2026, 12, 31)
    assert reading.debits_originated(*days) == log.reading.debits_originated(*days)
    assert reading.debits_returned(*days) == log.reading.debits_returned(*days)
    assert reading.counts_by_file(SAME_DAY, FAR_US) == log.reading.counts_by_file(SAME_DAY, FAR_US)


@settings(max_examples=40, deadline=None)
@given(steps, st.integers(0, 60))
def test_what_follows_changes_no_file_that_was_cut_off(history: list[tuple[str, int]], cut: int) -> None:
    log = lived(history)
    book = Book(None)
    book.adopt("log", 0)
    book.apply(log.records[:cut])
    earlier = files_of(BookReading(book.connection))
    assert files_of(log.reading)[: len(earlier)] == earlier
    assert outcomes_of(log.reading)[: len(outcomes_of(BookReading(book.connection)))] == outcomes_of(
        BookReading(book.connection)
    )
