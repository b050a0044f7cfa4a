from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main

FILES = Path(__file__).parents[2] / "contract" / "nacha_files"


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["nacha", *arguments], input=stdin)


def broken(*edits: tuple[int, int, str]) -> bytes:
    """A golden file with some text written over it, by line and column from 1."""
    lines = (FILES / "payments.ach").read_text().splitlines()
    for line, column, text in edits:
        before = lines[line - 1]
        lines[line - 1] = before[: column - 1] + text + before[column - 1 + len(text) :]
    return ("\n".join(lines) + "\n").encode()


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.stem)
def test_a_valid_file_passes_silently_but_for_its_sums(path: Path) -> None:
    result = run("check", str(path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("All rules are kept: ")


def test_the_sums_are_told_in_dollars() -> None:
    assert (
        "2 batches, 8 entries and addenda, debits 2487.65, credits 2487.65."
        in run("check", str(FILES / "payments.ach")).stderr
    )


def test_each_fault_is_a_line_with_line_field_and_rule() -> None:
    result = run("check", "-", stdin=broken((3, 30, "000015000x"), (4, 84, "0002")))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "line 3, amount (columns 30-39), format: must be 10 digits, filled with zeros on the left",
        "line 4, addenda_sequence_number (columns 84-87), code: must be '0001'",
    ]
    assert result.stderr == "2 faults.\n"


def test_a_file_is_shown_record_by_record() -> None:
    result = run("read", str(FILES / "payments.ach"))
    assert result.exit_code == 0
    shown = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(each["line"], each["record"]["record"]) for each in shown] == [
        (1, "file_header"),
        (2, "batch_header"),
        (3, "entry_detail"),
        (5, "entry_detail"),
        (7, "batch_control"),
        (8, "batch_header"),
        (9, "entry_detail"),
        (11, "entry_detail"),
        (13, "batch_control"),
        (14, "file_control"),
    ]
    assert shown[2]["record"] == {
        "record": "entry_detail",
        "transaction_code": 27,
        "routing_number": "231380104",
        "account_number": "987654321",
        "amount_minor": 150000,
        "individual_name": "Bob Renter",
        "trace_number": "121042880000001",
        "individual_identification_number": "000000015555455",
        "discretionary_data": "R",
        "addenda": {
            "kind": "payment_information",
            "payment_related_information": "00000001555545558555555555555555:1",
        },
    }
    assert shown[0]["record"]["file_creation_date"] == "2026-11-30"


def test_reading_ends_at_the_first_fault() -> None:
    result = run("read", "-", stdin=broken((6, 84, "0002"), (8, 2, "280")))
    assert result.exit_code == 1
    assert [json.loads(line)["line"] for line in result.stdout.splitlines()] == [1, 2, 3]
    assert result.stderr == (
        "directpay nacha read: line 6, addenda_sequence_number (columns 84-87), code: must be '0001'\n"
    )


def test_a_file_that_is_not_there_is_no_faulty_file() -> None:
    assert run("check", "no-such-file.ach").exit_code == 2
