"""Answers of banks, corrections, and entries that follow earlier ones."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rails.nacha.addenda import NotificationOfChange
from rails.nacha.answers import answer_header, change_of, contested, dishonored, return_of
from rails.nacha.codes import DEBITS, FORWARD, RETURNS, EntryClass, ServiceClass, TransactionCode
from rails.nacha.corrections import COLUMNS, Correction, UnreadableCorrection, corrected_data, read_correction
from rails.nacha.return_addenda import ContestedReturn, DishonoredReturn, Return
from rails.nacha.return_codes import RETURN_REASONS, is_untimely, last_contest_day, last_dishonor_day, last_return_day
from rails.nacha.second_entries import (
    MayNotBePresentedAgain,
    last_reversal_day,
    retry_header,
    retry_of,
    return_fee_header,
    return_fee_of,
    reversal_header,
    reversal_of,
)
from tests.unit.rails.nacha.contents import ODFI, RDFI, batch_header, entry, routing_numbers, texts

OURS, THEIRS = ODFI + "2", RDFI + "4"
RETURN_TRACE = RDFI + "0000001"


def test_a_return_names_the_entry_by_its_original_trace_number() -> None:
    sent = entry(17)
    back = return_of(sent, code="R01", to_routing_number=OURS, trace_number=RETURN_TRACE)
    assert isinstance(back.addenda, Return)
    assert (back.addenda.original_trace_number, back.addenda.original_receiving_dfi) == (sent.trace_number, RDFI)
    assert (back.transaction_code, back.routing_number, back.trace_number) == (26, OURS, RETURN_TRACE)
    assert (back.amount_minor, back.account_number) == (sent.amount_minor, sent.account_number)


def test_a_dishonored_return_names_the_return_too() -> None:
    back = return_of(entry(17), code="R10", to_routing_number=OURS, trace_number=RETURN_TRACE)
    refused = dishonored(
        back, code="R68", settled_on=date(2028, 12, 31), to_routing_number=THEIRS, trace_number=ODFI + "0000099"
    )
    assert isinstance(refused.addenda, DishonoredReturn)
    assert refused.addenda.return_trace_number == RETURN_TRACE
    assert (refused.addenda.return_settlement_day, refused.addenda.return_reason_code) == (366, "R10")


def test_a_contested_return_names_all_that_went_before() -> None:
    back = return_of(entry(17), code="R10", to_routing_number=OURS, trace_number=RETURN_TRACE)
    refused = dishonored(
        back, code="R68", settled_on=date(2027, 1, 29), to_routing_number=THEIRS, trace_number=ODFI + "0000099"
    )
    insisted = contested(
        refused, code="R73", entry_settled_on=date(2026, 12, 1), returned_on=date(2027, 1, 28),
        settled_on=date(2027, 2, 1), to_routing_number=OURS, trace_number=RDFI + "0000002",
    )  # fmt: skip
    assert insisted.addenda == ContestedReturn(
        contested_return_reason_code="R73",
        original_trace_number=entry(17).trace_number,
        returned_on=date(2027, 1, 28),
        original_receiving_dfi=RDFI,
        original_settlement_day=335,
        return_trace_number=RETURN_TRACE,
        return_settlement_day=29,
        return_reason_code="R10",
        dishonored_return_trace_number=ODFI + "0000099",
        dishonored_return_settlement_day=32,
        dishonored_return_reason_code="R68",
    )
    assert (insisted.routing_number, insisted.trace_number) == (OURS, RDFI + "0000002")
    assert (insisted.transaction_code, insisted.amount_minor) == (back.transaction_code, back.amount_minor)


def test_returns_are_disputed_within_banking_days() -> None:
    # Martin Luther King's day, 18 January 2027, is none.
    assert last_dishonor_day(date(2027, 1, 14)) == date(2027, 1, 22)
    assert last_contest_day(date(2027, 1, 14)) == date(2027, 1, 19)


@pytest.mark.parametrize(
    ("code", "heard_on", "is_late"),
    [
        ("R01", date(2026, 12, 3), False),
        ("R01", date(2026, 12, 4), True),
        ("R29", date(2026, 12, 4), True),
        # 60 days after 1 December are a Saturday; what was sent until then is heard of on Monday.
        ("R07", date(2027, 2, 1), False),
        ("R07", date(2027, 2, 2), True),
        ("R06", date(2027, 2, 2), False),
    ],
)
def test_a_return_is_untimely_after_the_last_day_of_its_code(code: str, heard_on: date, is_late: bool) -> None:
    assert is_untimely(code, settled_on=date(2026, 12, 1), heard_on=heard_on) is is_late


def test_a_notification_of_change_moves_no_money() -> None:
    told = change_of(entry(17), code="C01", corrected_data="42", to_routing_number=OURS, trace_number=RETURN_TRACE)
    assert (told.transaction_code, told.amount_minor) == (26, 0)


@pytest.mark.parametrize(
    ("codes", "service_class"), [((26, 36), 225), ((21,), 220), ((21, 36), 200)], ids=["debits", "credits", "both"]
)
def test_the_header_of_answers_says_what_is_in_them(codes: tuple[int, ...], service_class: int) -> None:
    header = answer_header(
        batch_header(), codes=[TransactionCode(code) for code in codes], from_dfi=RDFI, batch_number=9
    )
    assert header.service_class is ServiceClass(service_class)
    assert (header.originating_dfi_identification, header.batch_number) == (RDFI, 9)


def test_notifications_of_change_travel_as_cor() -> None:
    header = answer_header(
        batch_header(), codes=[TransactionCode.CHECKING_DEBIT_RETURN], from_dfi=RDFI, batch_number=1, changes=True
    )
    assert header.standard_entry_class is EntryClass.COR


corrections = st.builds(
    Correction,
    routing_number=routing_numbers,
    account_number=texts(17, mandatory=True).map(str.strip).filter(bool),
    transaction_code=st.sampled_from(TransactionCode),
    individual_name=texts(22, mandatory=True).map(str.strip).filter(bool),
    individual_identification_number=texts(22, mandatory=True).map(str.strip).filter(bool),
)


@given(st.sampled_from(sorted(COLUMNS)), corrections)
def test_corrected_data_is_read_as_it_was_written(code: str, correction: Correction) -> None:
    told = NotificationOfChange(
        change_code=code,
        original_trace_number=ODFI + "0000001",
        original_receiving_dfi=RDFI,
        corrected_data=corrected_data(code, correction),
    )
    read = read_correction(told)
    for name in Correction.__dataclass_fields__:
        assert getattr(read, name) == (getattr(correction, name) if name in COLUMNS[code] else None)


@pytest.mark.parametrize(
    ("code", "data", "read"),
    [
        ("C01", "1918171614", Correction(account_number="1918171614")),
        ("C02", "121042882", Correction(routing_number="121042882")),
        ("C03", "121042882   1918171614", Correction(routing_number="121042882", account_number="1918171614")),
        ("C05", "37", Correction(transaction_code=TransactionCode.SAVINGS_DEBIT)),
        (
            "C06",
            "1918171614          22",
            Correction(account_number="1918171614", transaction_code=TransactionCode.CHECKING_CREDIT),
        ),
        (
            "C07",
            "1210428821918171614       22",
            Correction(
                routing_number="121042882",
                account_number="1918171614",
                transaction_code=TransactionCode.CHECKING_CREDIT,
            ),
        ),
    ],
)
def test_corrected_data_by_its_columns(code: str, data: str, read: Correction) -> None:
    told = NotificationOfChange(
        change_code=code, original_trace_number="1" * 15, original_receiving_dfi=RDFI, corrected_data=data
    )
    assert read_correction(told) == read


@pytest.mark.parametrize(
    ("code", "data"), [("C02", "121042883"), ("C02", "12104288"), ("C03", "121042882"), ("C05", "99"), ("C06", "42")]
)
def test_a_correction_without_what_its_code_promises_is_refused(code: str, data: str) -> None:
    told = NotificationOfChange(
        change_code=code, original_trace_number="1" * 15, original_receiving_dfi=RDFI, corrected_data=data
    )
    with pytest.raises(UnreadableCorrection) as refused:
        read_correction(told)
    assert data not in str(refused.value)


def test_a_reversal_keeps_company_id_class_amount_and_account_and_flips_the_rest() -> None:
    header, sent = batch_header(service_class=ServiceClass.DEBITS), entry(17)
    of_batch = reversal_header(header, batch_number=2, effective_on=date(2026, 12, 7))
    of_entry = reversal_of(sent, trace_number=ODFI + "0000018")
    assert of_batch.company_entry_description == "REVERSAL"
    assert of_batch.service_class is ServiceClass.CREDITS
    for name in ("company_name", "company_identification", "standard_entry_class"):
        assert getattr(of_batch, name) == getattr(header, name)
    assert of_entry == msgspec.structs.replace(
        sent, transaction_code=TransactionCode.CHECKING_CREDIT, trace_number=ODFI + "0000018"
    )


def retried(because: str = "R01", again: int = 0, on: date = date(2026, 12, 7)) -> object:
    return retry_of(
        entry(17),
        returned_because=because,
        presented_again=again,
        settled_on=date(2026, 12, 1),
        on=on,
        trace_number=ODFI + "0000018",
    )


def test_a_returned_debit_is_presented_again_with_the_same_amount() -> None:
    header = retry_header(batch_header(), batch_number=2, effective_on=date(2026, 12, 7))
    assert header.company_entry_description == "RETRY PYMT"
    assert retried() == entry(18)
    assert retried("R09", again=1, on=date(2027, 5, 30)) == entry(18)


@pytest.mark.parametrize("because", ["R02", "R08", "R10", "R29"])
def test_only_for_want_of_money_is_a_debit_presented_again(because: str) -> None:
    with pytest.raises(MayNotBePresentedAgain):
        retried(because)


def test_a_debit_is_presented_again_at_most_twice_and_within_180_days() -> None:
    with pytest.raises(MayNotBePresentedAgain):
        retried(again=2)
    with pytest.raises(MayNotBePresentedAgain):
        retried(on=date(2027, 5, 31))


def test_a_fee_for_a_returned_entry_is_a_debit_of_the_same_account() -> None:
    header = return_fee_header(batch_header(), batch_number=2, effective_on=date(2026, 12, 7))
    fee = return_fee_of(entry(17), fee_minor=2_500, trace_number=ODFI + "0000018")
    assert header.company_entry_description == "RETURN FEE"
    assert fee == entry(18, amount_minor=2_500)


def test_what_comes_back_is_neither_reversed_nor_presented_again() -> None:
    back = return_of(entry(17), code="R01", to_routing_number=OURS, trace_number=RETURN_TRACE)
    assert back.transaction_code in RETURNS & DEBITS - FORWARD
    with pytest.raises(AssertionError):
        reversal_of(back, trace_number=ODFI + "0000018")


@pytest.mark.parametrize(
    ("code", "settled_on", "last"),
    [
        ("R01", date(2026, 12, 1), date(2026, 12, 3)),
        ("R01", date(2026, 11, 25), date(2026, 11, 30)),  # Thanksgiving and a weekend between.
        ("R29", date(2026, 11, 25), date(2026, 11, 30)),  # A business has no longer than its bank.
        ("R03", date(2026, 12, 24), date(2026, 12, 29)),  # Christmas is a Friday.
        ("R08", date(2027, 7, 2), date(2027, 7, 7)),  # Independence Day is a Sunday, which closes Monday.
        ("R16", date(2027, 6, 17), date(2027, 6, 21)),  # Juneteenth is a Saturday, which closes nothing.
        # Of a consumer's debit that was not authorised, the banking day behind the sixtieth calendar day, which is
        ("R10", date(2026, 11, 20), date(2027, 1, 20)),  # Tuesday, 19 January,
        ("R10", date(2026, 12, 1), date(2027, 2, 1)),  # Saturday, 30 January,
        ("R07", date(2026, 11, 25), date(2027, 1, 25)),  # Sunday, 24 January,
        ("R05", date(2026, 11, 18), date(2027, 1, 19)),  # Sunday, 17 January, before Martin Luther King's day,
        ("R11", date(2026, 10, 26), date(2026, 12, 28)),  # Christmas,
        ("R10", date(2027, 5, 3), date(2027, 7, 6)),  # Friday, 2 July, before the Monday that is closed,
        ("R10", date(2027, 12, 31), date(2028, 3, 1)),  # and 29 February.
    ],
)
def test_most_returns_come_within_two_banking_days_and_unauthorised_ones_behind_sixty_days(
    code: str, settled_on: date, last: date
) -> None:
    assert last_return_day(code, settled_on) == last
    assert not is_untimely(code, settled_on=settled_on, heard_on=last)
    assert is_untimely(code, settled_on=settled_on, heard_on=last + timedelta(days=1))


@pytest.mark.parametrize("code", sorted(RETURN_REASONS))
def test_only_debits_that_a_consumer_did_not_authorise_have_sixty_days(code: str) -> None:
    days = (last_return_day(code, date(2026, 12, 1)) - date(2026, 12, 1)).days
    assert days == (62 if code in {"R05", "R07", "R10", "R11"} else 2)


def test_a_reversal_reaches_the_receivers_bank_within_five_banking_days() -> None:
    assert last_reversal_day(date(2026, 11, 25)) == date(2026, 12, 3)
