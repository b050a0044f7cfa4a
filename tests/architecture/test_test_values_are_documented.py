"""docs/bank.md names every account number that the simulated bank treats in a way of its own; and no other."""

from __future__ import annotations

import re
from pathlib import Path

from rails.nacha.return_codes import CHANGE_REASONS, RETURN_REASONS
from rails.simulated.scenarios import PLAIN, Scenario, script_of, script_of_entry
from tests.unit.rails.instructions import party

TEXT = (Path(__file__).parents[2] / "docs" / "bank.md").read_text()
TABLE = TEXT.partition("## What account numbers ask for")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (.+?) \| .+ \| .+ \|$", TABLE, re.MULTILINE)
NAMED = [name for row in ROWS for name in re.findall(r"`(\w+)`", row)]
# Of as many digits as test values have.
NUMBERS = [f"{number:05d}" for number in range(100_000)]


def numbers_of(name: str, codes: set[str]) -> set[str]:
    """The account numbers that a row's name stands for: NN is a code of two digits."""
    return {name.replace("NN", code) for code in codes} if name.endswith("NN") else {name}


def codes_of(name: str) -> set[str]:
    """Which codes an entry of a file may ask for, by the paragraph behind the table."""
    return {code[1:] for code in (CHANGE_REASONS if name == "400NN" else RETURN_REASONS)}


def test_each_is_named_once() -> None:
    assert len(NAMED) == len(set(NAMED))
    assert ROWS[-1] == "anything else"


def test_what_is_named_and_nothing_else_is_treated_otherwise_as_an_entry() -> None:
    asked = {number for number in NUMBERS if script_of_entry(number) != PLAIN}
    assert asked == {number for name in NAMED for number in numbers_of(name, codes_of(name))}


def test_what_is_named_and_nothing_else_is_treated_otherwise_as_a_transfer() -> None:
    plain = party("987654321")
    asked = {number for number in NUMBERS if script_of(party(number), plain) != PLAIN}
    every_code = {f"{code:02d}" for code in range(1, 100)}
    assert asked == {number for name in NAMED for number in numbers_of(name, every_code)}


def test_every_scenario_has_a_number() -> None:
    found = {script_of_entry(number).scenario for name in NAMED for number in numbers_of(name, {"01"})}
    assert found == set(Scenario) - {Scenario.SETTLES}
