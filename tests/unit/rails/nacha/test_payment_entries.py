from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from directory.entities import AccountType
from rails.nacha.addenda import PaymentInformation
from rails.nacha.codes import Direction, EntryClass, ServiceClass, TransactionCode
from rails.nacha.payment_entries import Originator, Place, credits_of, debits, identification, nacha_name, prenote
from rails.nacha.writer import build_file
from tests.unit.rails.instructions import instruction
from tests.unit.rails.nacha.contents import nacha_file
from tests.unit.rails.nacha.independent_checker import check

ORIGINATOR = Originator(company_name="DIRECTPAY", company_identification="1234567890", routing_number="121042882")
PLACE = Place(batch_number=1, first_sequence=7, effective_on=date(2026, 12, 1))


def test_a_payment_is_a_debit_of_the_payer_and_a_credit_of_the_payee() -> None:
    payment = instruction(debit="987654321", credit="123456789", amount_minor=150_000)
    debit_batch = debits([payment], ORIGINATOR, PLACE, recurring=False)
    credit_batch = credits_of([payment], ORIGINATOR, PLACE, entry_class=EntryClass.PPD)
    (debit,), (credit,) = debit_batch.entries, credit_batch.entries
    assert (debit.transaction_code, debit.account_number, debit.amount_minor) == (27, "987654321", 150_000)
    assert (credit.transaction_code, credit.account_number, credit.amount_minor) == (22, "123456789", 150_000)
    assert (debit_batch.header.standard_entry_class, debit_batch.header.service_class) == ("WEB", ServiceClass.DEBITS)
    assert (credit_batch.header.standard_entry_class, credit_batch.header.service_class) == (
        "PPD",
        ServiceClass.CREDITS,
    )
    # Both carry our reference, so that what comes back can be told apart.
    assert debit.addenda == credit.addenda == PaymentInformation(payment_related_information=payment.reference)


def test_savings_accounts_have_codes_of_their_own() -> None:
    payment = instruction()
    payment = structs.replace(payment, debit=structs.replace(payment.debit, account_type=AccountType.SAVINGS))
    (debit,) = debits([payment], ORIGINATOR, PLACE, recurring=True).entries
    assert debit.transaction_code is TransactionCode.SAVINGS_DEBIT


@pytest.mark.parametrize(("recurring", "payment_type"), [(True, "R"), (False, "S")])
def test_a_web_debit_says_whether_it_recurs(recurring: bool, payment_type: str) -> None:
    (debit,) = debits([instruction()], ORIGINATOR, PLACE, recurring=recurring).entries
    assert debit.discretionary_data == payment_type


@pytest.mark.parametrize(("direction", "code"), [(Direction.DEBIT, 28), (Direction.CREDIT, 23)])
def test_a_prenote_tries_an_account_without_money(direction: Direction, code: int) -> None:
    tried = prenote(instruction().debit, direction, "121042880000007")
    assert (tried.transaction_code, tried.amount_minor, tried.account_number) == (code, 0, "987654321")


def test_trace_numbers_ascend_from_the_first_sequence() -> None:
    batch = debits([instruction(n) for n in range(3)], ORIGINATOR, PLACE, recurring=True)
    assert [entry.trace_number for entry in batch.entries] == [f"12104288000000{n}" for n in (7, 8, 9)]


def test_the_same_payments_give_the_same_file() -> None:
    def build() -> bytes:
        payments = [instruction(n, amount_minor=100 + n) for n in range(1, 20)]
        later = replace(PLACE, batch_number=2, first_sequence=100)
        return build_file(
            nacha_file(
                debits(payments, ORIGINATOR, PLACE, recurring=True),
                credits_of(payments, ORIGINATOR, later, entry_class=EntryClass.CCD),
            )
        )

    assert build() == build()
    assert check(build()) == []


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Bob", "Bob"),
        ("Zoë Müller", "Zoe Muller"),
        ("  Ann \t Lee ", "Ann Lee"),
        ("A name that is longer than the field", "A name that is longer"),
        ("李小龍", "UNKNOWN"),
        ("Łukasz Weiß", "Lukasz Weiss"),
        ("ＦＵＬＬ　ＷＩＤＴＨ", "FULL WIDTH"),
    ],
)
def test_a_name_is_written_as_far_as_nacha_can_carry_it(name: str, written: str) -> None:
    assert nacha_name(name) == written


@given(st.text(min_size=1, max_size=60))
def test_any_name_can_be_written(name: str) -> None:
    payment = instruction()
    payment = structs.replace(payment, debit=structs.replace(payment.debit, holder=name))
    assert check(build_file(nacha_file(debits([payment], ORIGINATOR, PLACE, recurring=True)))) == []


def test_the_identification_is_the_start_of_the_payments_id() -> None:
    assert identification("deadbeef-1234-5678-9abc-def012345678:2") == "DEADBEEF1234567"
