from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main

FILES = Path(__file__).parents[2] / "contract" / "statement_files"


def read(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["statement", "read", *arguments], input=stdin)


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_a_statement_is_shown_part_by_part(path: Path) -> None:
    result = read(str(path))
    assert (result.exit_code, result.stderr) == (0, "")
    parts = [json.loads(line)["part"] for line in result.stdout.splitlines()]
    heads = [part for part in parts if part["part"] == "statement"]
    assert heads[0]["opening_minor"] == 1_000_000
    assert len(heads) == sum(part["part"] == "end" for part in parts)
    assert any(part["part"] == "entry" and part["amount_minor"] == 248_765 for part in parts)


def test_a_file_that_is_refused_says_where_and_why() -> None:
    data = (FILES / "day.csv").read_bytes().replace(b"1500.00", b"1500.001", 1)
    result = read("-", stdin=data)
    assert result.exit_code == 1
    assert result.stderr.startswith("directpay statement read: line 4, amount, minor-units: ")
    # What came before it was shown, and is not to be acted on.
    assert json.loads(result.stdout.splitlines()[0])["part"]["part"] == "statement"
