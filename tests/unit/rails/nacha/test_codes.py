from __future__ import annotations

import ast
from pathlib import Path

import pytest

from directory.entities import AccountType, check_digit
from rails.nacha.codes import (
    DEBITS,
    FORWARD,
    PRENOTES,
    RETURNS,
    Direction,
    TransactionCode,
    returned_code,
    reversed_code,
    transaction_code,
)
from rails.nacha.contents import trace_number
from rails.nacha.return_codes import RETURN_REASONS
from tests.unit.rails.nacha import independent_checker


@pytest.mark.parametrize(("eight", "digit"), [("23138010", 4), ("12104288", 2), ("09140060", 6), ("02100002", 1)])
def test_known_routing_numbers_have_these_check_digits(eight: str, digit: int) -> None:
    assert check_digit(eight) == digit
    assert independent_checker.digit(eight) == str(digit)


@pytest.mark.parametrize(
    ("account_type", "direction", "forward", "prenote", "returned"),
    [
        (AccountType.CHECKING, Direction.CREDIT, 22, 23, 21),
        (AccountType.CHECKING, Direction.DEBIT, 27, 28, 26),
        (AccountType.SAVINGS, Direction.CREDIT, 32, 33, 31),
        (AccountType.SAVINGS, Direction.DEBIT, 37, 38, 36),
    ],
)
def test_the_codes_of_an_account(
    account_type: AccountType, direction: Direction, forward: int, prenote: int, returned: int
) -> None:
    code = transaction_code(account_type, direction)
    of_prenote = transaction_code(account_type, direction, prenote=True)
    assert (code, of_prenote) == (forward, prenote)
    assert returned_code(code) == returned_code(of_prenote) == returned
    assert code in FORWARD
    assert of_prenote in PRENOTES
    assert returned_code(code) in RETURNS
    assert (code in DEBITS) is (of_prenote in DEBITS) is (returned_code(code) in DEBITS) is (direction == "debit")


@pytest.mark.parametrize(("code", "flipped"), [(22, 27), (27, 22), (32, 37), (37, 32)])
def test_a_reversal_goes_the_other_way_on_the_same_account(code: int, flipped: int) -> None:
    assert reversed_code(TransactionCode(code)) == flipped


def test_a_trace_number_is_the_bank_and_a_sequence() -> None:
    assert trace_number("12104288", 42) == "121042880000042"
    for sequence in (0, 10_000_000):
        with pytest.raises(AssertionError):
            trace_number("12104288", sequence)


def test_the_return_codes_that_a_landlord_meets_are_known() -> None:
    usual = {"R01", "R02", "R03", "R04", "R05", "R07", "R08", "R09", "R10", "R11", "R16", "R20", "R29"}
    assert usual <= set(RETURN_REASONS)


def test_the_second_opinion_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(independent_checker.__file__).read_text())
    imported = {
        each.module if isinstance(each, ast.ImportFrom) else each.names[0].name
        for each in ast.walk(tree)
        if isinstance(each, ast.Import | ast.ImportFrom)
    }
    assert imported == {"__future__", "datetime"}
