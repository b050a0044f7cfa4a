"""docs/reliability.md names every defect that the tests put in, with the check that finds it; and no other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

from tests.defects import (
    of_decisions,
    of_the_api,
    of_the_gateway,
    of_the_ledger,
    of_the_projector,
    of_the_stream_runtime,
    test_decisions,
    test_the_api,
    test_the_gateway,
    test_the_ledger,
    test_the_projector,
    test_the_stream_runtime,
)
from tests.defects.case import Case, sentence

DOC = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()
SECTION = DOC.partition("## Defects that the checks must find")[2].partition("\n## ")[0]
TABLE = SECTION.partition("| --- |")[2]
ROWS = dict(re.findall(r"^\| ([^|]*) \| [^|]* \| ([^|]*) \|$", TABLE, re.MULTILINE))
CASES: list[Case] = [
    *test_the_stream_runtime.CASES,
    *test_decisions.CASES,
    *test_the_gateway.CASES,
    *test_the_projector.CASES,
    *test_the_ledger.CASES,
    *test_the_api.CASES,
]
DEFECTS = (of_the_stream_runtime, of_decisions, of_the_gateway, of_the_projector, of_the_ledger, of_the_api)


def defects_in(module: ModuleType) -> set[str]:
    return {
        sentence(each)
        for name, each in inspect.getmembers(module, inspect.isfunction)
        if each.__module__ == module.__name__ and not name.startswith("_")
    }


def test_every_defect_has_a_check_that_finds_it() -> None:
    assert sorted(sentence(case.defect) for case in CASES) == sorted(set().union(*map(defects_in, DEFECTS)))


def test_the_table_names_every_defect_and_what_finds_it() -> None:
    assert {
        # A story is named for what happens in it, with the oracle's word for what it then sees.
        sentence(
            case.defect
        ): f"`{case.seen_as or case.found_by.__module__.rpartition('.')[2]}`: {sentence(case.found_by)}"
        for case in CASES
    } == ROWS
