"""The compiled modules keep to what mypyc does as Python does (mypyc 2.4; hatch_build.py)."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
COMPILED: list[str] = _PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["compiled"]


def breaches(source: str) -> list[str]:
    """Return what of a module's source mypyc would make something else of."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.keywords:
            found.append(f"{node.name}: the options in a class's header are left out")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = Counter(each.name for each in ast.walk(node) if isinstance(each, ast.ExceptHandler) and each.name)
            found += [
                f"{node.name}: two errors named {name} must be of the first one's type"
                for name, count in names.items()
                if count > 1
            ]
    return found


@pytest.mark.parametrize("module", COMPILED)
def test_a_compiled_module_is_free_of_what_is_not_compiled_as_written(module: str) -> None:
    assert breaches((ROOT / module).read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "class Moved(Struct, frozen=True): ...",
        "def f():\n try: ...\n except OSError as error: ...\n except ValueError as error: ...",
    ],
)
def test_what_is_not_compiled_as_written_is_found(source: str) -> None:
    assert len(breaches(source)) == 1
