"""The bytes of the simulated bank's statements, for good, and what is read in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.statement_contents import FORMS, GOLDEN
from tests.unit.reconciliation.statements.bank_files import expected, read, written
from tests.unit.reconciliation.statements.independent_camt import check

FOLDER = Path(__file__).parent / "statement_files"
FILES = [(name, ending) for name in GOLDEN for ending in FORMS]


def golden(name: str, ending: str) -> bytes:
    return (FOLDER / f"{name}.{ending}").read_bytes()


def test_every_golden_file_is_listed() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{name}.{ending}" for name, ending in FILES)


@pytest.mark.parametrize(("name", "ending"), FILES)
def test_the_contents_give_these_bytes(name: str, ending: str) -> None:
    assert written(GOLDEN[name](), FORMS[ending]) == golden(name, ending)


@pytest.mark.parametrize(("name", "ending"), FILES)
def test_the_bytes_give_these_contents(name: str, ending: str) -> None:
    assert read(golden(name, ending)) == expected(GOLDEN[name](), FORMS[ending])


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("ending", [ending for ending in FORMS if ending.endswith("xml")])
def test_the_second_opinion_is_the_same(name: str, ending: str) -> None:
    assert check(golden(name, ending)) == []
