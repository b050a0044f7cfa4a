"""May a payment be claimed, and what is the bank told: by what the register says."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from directory.changes import DirectoryRecord, State
from directory.entities import AccountType, Kind, Property
from directory.register import Register
from directory.sealing import CannotOpen, Keyring
from payments.commands import Report, ReportSource
from payments.lifecycle import decide
from payments.payment import Status
from rails.bank import Reference
from rails.claims import Fit, NumbersMissing, Unfit, claim, judge, refusal
from rails.instructions import CannotInstruct, instruct
from tests.unit.payments.histories import MARCH, PAYEE, PAYER, T0_US, claimed, initiated, moved, replay
from tests.unit.rails.accounts import KEYRING, NUMBERS, ROUTING_NUMBER, record, register, revoke, secret


def test_two_accounts_of_the_payments_tenant_in_use_are_fit() -> None:
    assert judge(initiated(), register()) == Fit()


@pytest.mark.parametrize(("account_id", "side"), [(PAYER, "payer"), (PAYEE, "payee")])
def test_each_account_must_exist_be_the_tenants_and_be_in_use(account_id: str, side: str) -> None:
    other = PAYEE if account_id == PAYER else PAYER
    unknown, foreign, revoked = Register(), Register(), register()
    for known in (unknown, foreign):
        known.apply_event(record(other))
        known.apply_secret(secret(other))
    foreign.apply_event(record(account_id, tenant_id="other"))
    foreign.apply_secret(secret(account_id))
    revoke(revoked, account_id)
    for known, code in (
        (unknown, "account_not_found"),
        (foreign, "account_of_other_tenant"),
        (revoked, "account_revoked"),
    ):
        verdict = judge(initiated(), known)
        assert isinstance(verdict, Unfit)
        assert verdict.code == code
        assert side in verdict.reason


def test_something_else_with_that_id_is_no_account() -> None:
    known = register()
    known.apply_event(
        DirectoryRecord(
            entity_id=PAYER,
            tenant_id=MARCH.tenant_id,
            kind=Kind.PROPERTY,
            state=State.ACTIVE,
            version=2,
            created_by=MARCH.command_id,
            changed_by=MARCH.command_id,
            fingerprint=b"f" * 32,
            created_at_us=T0_US,
            updated_at_us=T0_US,
            entity=Property(owner_id=PAYEE, address="1 Main St"),
        )
    )
    verdict = judge(initiated(), known)
    assert isinstance(verdict, Unfit)
    assert verdict.code == "account_not_found"


def test_an_account_whose_numbers_are_not_here_yet_is_not_judged_unfit() -> None:
    known = Register()
    for account_id in (PAYER, PAYEE):
        known.apply_event(record(account_id))
    known.apply_secret(secret(PAYER))
    assert judge(initiated(), known) == NumbersMissing(account_id=PAYEE)


def test_a_claim_takes_the_next_attempt_and_a_refusal_fails_the_payment_with_our_code() -> None:
    report = claim(initiated(), now_us=T0_US + 7)
    assert (report.report, report.attempt, report.source) == (Report.CLAIMED, 1, ReportSource.DIRECTPAY)
    assert moved(decide(report, initiated())).status is Status.PROCESSING
    failed = moved(
        decide(refusal(initiated(), Unfit(code="account_not_found", reason="x"), now_us=T0_US + 7), initiated())
    )
    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.source) == ("account_not_found", "directpay")


def test_an_instruction_says_who_pays_whom_how_much_from_which_account() -> None:
    payment = replay(MARCH, claimed(at_us=T0_US + 5_000_000))
    told = instruct(payment, register(), KEYRING)
    assert (told.reference, told.payment_key) == (str(Reference(payment_id=payment.payment_id, attempt=1)), MARCH.key)
    assert (told.amount_minor, told.currency, told.rail) == (150_000, "USD", "standard_ach")
    assert (told.debit.account_number, told.credit.account_number) == (NUMBERS[PAYER], NUMBERS[PAYEE])
    assert told.debit.routing_number == ROUTING_NUMBER
    assert told.debit.account_type is AccountType.SAVINGS
    assert told.claimed_at_us == T0_US + 5_000_000
    assert told.settle_by_us == payment.head.expected_settlement_at_us
    assert NUMBERS[PAYER] not in repr(told)
    assert NUMBERS[PAYEE] not in repr(told)


def test_an_instruction_says_whether_it_gives_a_payment_back() -> None:
    payment = replay(MARCH, claimed())
    refund = replace(payment, head=replace(payment.head, refund_of=payment.payment_id))
    assert instruct(refund, register(), KEYRING).is_refund
    told = msgspec.json.encode(instruct(payment, register(), KEYRING))
    assert b"is_refund" not in told, "a bank of an earlier release refuses what it does not know"


def test_only_a_committed_claim_is_instructed() -> None:
    with pytest.raises(AssertionError):
        instruct(initiated(), register(), KEYRING)


def test_numbers_that_do_not_open_or_do_not_read_are_not_quoted() -> None:
    payment = replay(MARCH, claimed())
    with pytest.raises(CannotInstruct):
        instruct(payment, Register(), KEYRING)
    with pytest.raises(CannotOpen):
        instruct(payment, register(), Keyring({"k2": bytes(32)}))
    known = register()
    known.apply_secret(secret(PAYEE, '{"routing_number": 121042882, "account_number": "44412348866"}'))
    with pytest.raises(CannotInstruct) as caught:
        instruct(payment, known, KEYRING)
    assert "44412348866" not in str(caught.value)
    assert caught.value.__suppress_context__
