"""Accounts that are tried before they are debited; days written by hand from Nacha's rules and the Fed's calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from directory.sealing import Keyring
from payments.rails import Rail
from payments.windows import eastern
from rails.ach.numbers import account_hashes
from rails.ach.phases import Leg, Phase
from rails.ach.problems import FOR_A_PERSON, UNTIMELY
from rails.bank import Instruction, Result
from rails.nacha.entry_detail import EntryDetail
from schemas.origination import AchNotice, AchPayment, AchReturn
from tests.unit.rails.accounts import KEYRING
from tests.unit.rails.ach.desk_in_hand import DeskInHand
from tests.unit.rails.ach.exchange_in_hand import ExchangeInHand
from tests.unit.rails.ach.originator_in_hand import TERMS
from tests.unit.rails.ach.written_log import at_us, built, outcomes_of, read, traces_of
from tests.unit.rails.instructions import instruction, party
from tests.unit.rails.nacha.independent_checker import check

MONDAY = at_us("2026-11-23 09:00")  # Of the week of Thanksgiving, which is on Thursday.
SETTLED = at_us("2026-11-23 13:00")
THIRD_DAY = "2026-11-27"  # Tuesday, Wednesday, Friday.


def order(n: int, *, debit: str = "987654321", is_refund: bool = False) -> Instruction:
    return instruction(n, debit=debit, rail=Rail.SAME_DAY_ACH, claimed_at_us=MONDAY, is_refund=is_refund)


class Trying(DeskInHand):
    """A desk that tries accounts."""

    def entries(self, file_number: int) -> list[EntryDetail]:
        data = built(self.reading, file_number)
        assert check(data) == []
        return [entry for batch in read(data).batches for entry in batch.entries]

    def hear(self, code: str, *, of: Leg = Leg.PRENOTE, n: int = 1, amount_minor: int = 0) -> None:
        """Let the bank answer the entry of a payment."""
        [trace] = [
            trace
            for each in self.cut_offs
            for (reference, leg), trace in traces_of(self.reading, each.file_number).items()
            if (reference, leg) == (order(n).reference, of)
        ]
        sha256 = trace.encode().ljust(32)
        sealed = KEYRING.seal("notice", b"123456", b"n" * 12)
        returned = AchReturn(
            file_sha256=sha256,
            line=4,
            original_trace_number=trace,
            code=code,
            amount_minor=amount_minor,
            received_at_us=self.clock.us,
        )
        notice = AchNotice(
            file_sha256=sha256,
            line=4,
            original_trace_number=trace,
            code=code,
            corrected=sealed,
            received_at_us=self.clock.us,
        )
        self.write(notice if code.startswith("C") else returned)

    def phases(self) -> dict[str, int]:
        return {row["phase"]: row["payments"] for row in self.reading.phases()}

    def told(self) -> list[tuple[str, Result, str | None]]:
        return [(each.reference, each.result, each.code) for each in outcomes_of(self.reading)]

    @property
    def prenoted(self) -> list[bool]:
        return [each.is_prenoted for each in self.records if isinstance(each, AchPayment)]


@pytest.fixture
def desk() -> Iterator[Trying]:
    world = Trying(MONDAY, replace(TERMS, prenotes=True))
    yield world
    world.close()


def test_a_prenote_goes_first_and_the_debit_not_before_the_third_banking_day(desk: Trying) -> None:
    desk.desk.take([order(1)])
    desk.go_on(SETTLED)
    [tried] = desk.entries(1)
    assert (tried.transaction_code, tried.amount_minor, tried.account_number) == (28, 0, "987654321")
    desk.go_on(at_us(f"{THIRD_DAY} 10:24"))
    assert desk.phases() == {Phase.DEBIT_WAITS: 1}
    desk.go_on(at_us(f"{THIRD_DAY} 10:25"))
    [debit] = desk.entries(2)
    assert (debit.transaction_code, debit.amount_minor) == (27, 150_000)
    desk.go_on(at_us(f"{THIRD_DAY} 17:00"))
    assert desk.told() == [(order(1).reference, Result.SETTLED, None)]


def test_a_prenote_moves_no_money_and_is_no_debit_in_any_sum(desk: Trying) -> None:
    desk.desk.take([order(1)])
    desk.go_on(SETTLED)
    [file] = desk.reading.files(0, 10)
    sums = {name: file[name] for name in ("prenotes", "debits", "credits", "debit_minor", "credit_minor")}
    assert sums == {"prenotes": 1, "debits": 0, "credits": 0, "debit_minor": 0, "credit_minor": 0}
    day = eastern(SETTLED).date()
    assert sum(desk.reading.debits_originated(day, day).values()) == 0
    desk.hear("R03")
    assert desk.reading.debits_returned(day, day) == {}


@pytest.mark.parametrize("code", ["R03", "C01"])
@pytest.mark.parametrize("heard", ["2026-11-23 10:26", "2026-11-25 08:30", f"{THIRD_DAY} 10:24"])
def test_an_account_whose_prenote_is_answered_is_not_debited(desk: Trying, code: str, heard: str) -> None:
    desk.desk.take([order(1)])
    desk.go_on(at_us(heard))
    desk.hear(code)
    desk.go_on(at_us("2026-12-04 18:00"))
    assert desk.told() == [(order(1).reference, Result.RETURNED, code)]
    assert desk.phases() == {Phase.FAILED: 1}
    assert len(desk.cut_offs) == 1
    # What is wrong with it may have been mended: it is tried anew.
    desk.desk.take([order(2)])
    assert desk.prenoted == [True, True]


@pytest.mark.parametrize(("code", "problem"), [("R03", UNTIMELY), ("R10", FOR_A_PERSON)])
def test_a_prenote_that_comes_back_when_the_debit_has_left_is_for_a_person(
    desk: Trying, code: str, problem: str
) -> None:
    desk.desk.take([order(1)])
    desk.go_on(at_us(f"{THIRD_DAY} 10:25"))
    desk.hear(code)
    assert desk.reading.problems() == {problem: 1}
    desk.go_on(at_us(f"{THIRD_DAY} 17:00"))
    assert desk.told() == [(order(1).reference, Result.SETTLED, None)]


def test_an_account_is_tried_until_it_was_debited_and_each_account_for_itself(desk: Trying) -> None:
    desk.desk.take([order(1)])
    desk.go_on(SETTLED)
    # While its prenote may still be answered, what comes for the account waits as long.
    desk.desk.take([order(2), order(3, debit="111222333")])
    desk.go_on(at_us(f"{THIRD_DAY} 10:25"))
    desk.desk.take([order(4), order(5, debit="444555666")])
    assert desk.prenoted == [True, True, True, False, True]


@pytest.mark.parametrize(("code", "is_tried_again"), [("R01", False), ("R10", False), ("R02", True), ("R03", True)])
def test_an_account_that_turns_out_to_be_missing_is_tried_again(desk: Trying, code: str, is_tried_again: bool) -> None:
    desk.desk.take([order(1)])
    desk.go_on(at_us(f"{THIRD_DAY} 13:00"))
    desk.hear(code, of=Leg.DEBIT, amount_minor=150_000)
    desk.desk.take([order(2)])
    assert desk.prenoted == [True, is_tried_again]


def test_an_account_is_known_again_when_keys_were_rotated(desk: Trying) -> None:
    desk.desk.take([order(1)])
    desk.go_on(at_us(f"{THIRD_DAY} 10:25"))
    rotated = Keyring({"k2": b"2" * 32, "k1": bytes(range(32))})
    assert account_hashes(party("987654321"), rotated)[0] != account_hashes(party("987654321"), KEYRING)[0]
    assert desk.reading.is_proven(account_hashes(party("987654321"), rotated))


def test_a_refund_is_sent_to_accounts_that_are_known(desk: Trying) -> None:
    desk.desk.take([order(1, is_refund=True)])
    assert desk.prenoted == [False]


def test_without_the_setting_nothing_is_tried_and_no_account_is_remembered() -> None:
    world = Trying(MONDAY)
    world.desk.take([order(1)])
    world.go_on(SETTLED)
    assert [entry.transaction_code for entry in world.entries(1)] == [27]
    assert [each.payer_account for each in world.records if isinstance(each, AchPayment)] == [None]
    world.close()


def test_prenotes_go_to_the_bank_and_what_it_says_of_them_comes_back(tmp_path: Path) -> None:
    world = ExchangeInHand(tmp_path, MONDAY, replace(TERMS, prenotes=True))
    payers = ["987654321", "10003", "20004", "40001"]
    world.desk.take([order(n, debit=payer) for n, payer in enumerate(payers, start=1)])
    world.go_on(at_us("2026-11-25 12:00"))
    assert world.bank.is_balanced()
    assert set(world.bank.balances().values()) == {0}
    world.go_on(at_us("2026-12-04 18:00"))
    # When it settled; in the morning of the second banking day, like the change that is wanted.
    told = {each.reference: (each.result, each.code) for each in outcomes_of(world.reading)}
    assert told == {
        order(1).reference: (Result.SETTLED, None),
        order(2).reference: (Result.RETURNED, "R03"),
        order(3).reference: (Result.RETURNED, "R04"),
        order(4).reference: (Result.RETURNED, "C01"),
    }
    balances = world.bank.balances()
    assert (balances["4321"], balances["6789"]) == (-150_000, 150_000)
    assert world.reading.problems() == {}
    world.close()
