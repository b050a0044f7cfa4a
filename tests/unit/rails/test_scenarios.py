"""The contract's test values, by account number."""

from __future__ import annotations

import pytest

from rails.simulated.scenarios import PLAIN, Scenario, Script, reason_of, script_of, script_of_entry
from tests.unit.rails.instructions import party


@pytest.mark.parametrize(
    ("account_number", "script"),
    [
        ("10001", Script(scenario=Scenario.REFUSED, code="R01")),
        ("10029", Script(scenario=Scenario.REFUSED, code="R29")),
        ("10099", Script(scenario=Scenario.REFUSED, code="R99")),
        ("20010", Script(scenario=Scenario.RETURNED, code="R10")),
        ("30000", Script(scenario=Scenario.UNANSWERED)),
        ("30001", Script(scenario=Scenario.ANSWER_LOST)),
        ("30002", Script(scenario=Scenario.ANSWERED_TWICE)),
        ("30003", Script(scenario=Scenario.NEVER_HEARD_OF)),
        ("30004", Script(scenario=Scenario.ONLY_BOOKED)),
        ("40001", Script(scenario=Scenario.CORRECTED, code="C01")),
        ("50010", Script(scenario=Scenario.RETURNED_LATE, code="R10")),
        ("10000", PLAIN),
        ("20000", PLAIN),
        ("30005", PLAIN),
        ("100010", PLAIN),
        ("010001", PLAIN),
        ("1000", PLAIN),
        ("987654321", PLAIN),
    ],
)
def test_an_account_number_asks_for_its_scenario_on_either_side(account_number: str, script: Script) -> None:
    assert script_of(party(account_number), party("987654321")) == script
    assert script_of(party("987654321"), party(account_number)) == script


def test_the_payers_number_wins_over_the_payees() -> None:
    assert script_of(party("10001"), party("20010")) == Script(scenario=Scenario.REFUSED, code="R01")
    assert script_of(party("30002"), party("10001")) == Script(scenario=Scenario.ANSWERED_TWICE)


def test_every_return_code_has_a_meaning() -> None:
    assert reason_of("R01") == "insufficient funds"
    assert reason_of("R99") == "returned by the receiving bank"


def test_an_entry_has_only_codes_that_nacha_knows() -> None:
    assert script_of_entry("10003") == Script(scenario=Scenario.REFUSED, code="R03")
    assert script_of_entry("10099") == script_of_entry("40008") == script_of_entry("987654321") == PLAIN
