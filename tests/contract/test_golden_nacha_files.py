"""The bytes of Nacha files, for good: banks read them, and a file that is built again must be the same file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rails.nacha.reader import read_file
from rails.nacha.writer import build_file
from tests.contract.nacha_contents import GOLDEN
from tests.unit.rails.nacha.contents import faults_of
from tests.unit.rails.nacha.independent_checker import check

FOLDER = Path(__file__).parent / "nacha_files"


def golden(name: str) -> bytes:
    return (FOLDER / f"{name}.ach").read_bytes()


def others(byte: str) -> set[str]:
    """One of each kind that fields tell apart: a digit, a blank, a capital, and what no record may hold."""
    digit = str((int(byte) + 1) % 10) if byte.isdecimal() else "0"
    return {digit, " ", "A", "\t"} - {byte}


def test_every_golden_file_is_listed() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_contents_give_these_bytes(name: str) -> None:
    assert build_file(GOLDEN[name]()) == golden(name)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_give_these_contents(name: str) -> None:
    assert read_file(io.BytesIO(golden(name))) == GOLDEN[name]()


@pytest.mark.parametrize("name", GOLDEN)
def test_the_second_opinion_is_the_same(name: str) -> None:
    assert check(golden(name)) == []


@pytest.mark.parametrize("name", GOLDEN)
def test_both_opinions_agree_on_every_column_of_every_record_changed(name: str) -> None:
    lines = golden(name).decode("ascii").splitlines()
    for at, line in enumerate(lines):
        for column in range(94):
            for byte in sorted(others(line[column])):
                changed = [*lines[:at], line[:column] + byte + line[column + 1 :], *lines[at + 1 :]]
                data = ("\n".join(changed) + "\n").encode("ascii")
                ours = {(fault.line, fault.field) for fault in faults_of(data)}
                theirs = set(check(data))
                where = (name, at + 1, column + 1, byte)
                assert bool(ours) is bool(theirs), (where, ours, theirs)
                # What kind of record it is decides which fields it has; below that, both name the same field.
                if column > 0 and any(line_number == at + 1 for line_number, _ in theirs):
                    assert ours & theirs, (where, ours, theirs)
