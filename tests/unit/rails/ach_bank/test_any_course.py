"""Whatever comes in whatever order, and wherever the bank dies: posted once, answered once, balanced."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rails.nacha.codes import TransactionCode
from rails.nacha.entry_detail import EntryDetail
from rails.simulated.ach.file_books import FileIdTaken
from tests.unit.rails.ach_bank.sent_files import CREDIT, MONDAY, Bank, debits_of, named, sent
from tests.unit.rails.nacha.contents import entry

HOUR_US = 3_600_000_000
STRIDE = 17
INSTRUCTIONS_MAX = 400  # Of SQLite's own: more than most transactions of so few entries have.

account_numbers = st.sampled_from(["111111", "222222", "10001", "20009", "20010", "50003", "40005", "30003"])
codes = st.sampled_from([CREDIT, TransactionCode.CHECKING_DEBIT])


@st.composite
def files(draw: Callable[..., Any], number: int) -> list[EntryDetail]:
    """The entries of a file; trace numbers are told apart by the file's number."""
    made = draw(st.lists(st.tuples(account_numbers, st.integers(1, 10**6), codes), min_size=1, max_size=4))
    return [
        entry(number * 10 + n, account_number=account, amount_minor=amount, transaction_code=code)
        for n, (account, amount, code) in enumerate(made)
    ]


# Which of the files comes next, how far the clock goes; and after how many instructions the bank dies, if it does.
steps = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 3)),
    st.tuples(st.just("clock"), st.integers(1, 80)),
    st.tuples(st.just("post"), st.none()),
    st.tuples(st.just("write"), st.none()),
)
courses = st.lists(st.tuples(steps, st.none() | st.integers(1, INSTRUCTIONS_MAX)), min_size=4, max_size=25)


class Course:
    """A bank that is killed at any instruction of a transaction, and opened again."""

    def __init__(self, folder: Path, sent_files: list[bytes]) -> None:
        self.bank = Bank(folder)
        self.now_us = MONDAY
        self._files = sent_files

    def do(self, step: tuple[str, int | None], dies_after: int | None) -> bool:
        """Do a step, and tell whether the bank lived."""
        kind, argument = step
        if kind == "clock":
            assert argument is not None
            self.now_us += argument * HOUR_US
            return True
        self._burn(dies_after)
        try:
            self._work(kind, argument)
        except sqlite3.OperationalError:
            assert dies_after is not None
            self.bank.books.close()
            self.bank.reopen()
            return False
        self.bank.books.connection.set_progress_handler(None, 0)
        return True

    def _work(self, kind: str, argument: int | None) -> None:
        match kind:
            case "take":
                assert argument is not None
                name = f"{argument}.ach"
                try:
                    self.bank.take(self._files[argument], name, at=self.now_us)
                except FileIdTaken:
                    assert argument in (2, 3), "only these two have the same file id"
            case "post":
                self.bank.files.post_due(now_us=self.now_us)
            case "write":
                self.bank.files.write_answers(dated_us=lambda due_us: due_us)

    def _burn(self, dies_after: int | None) -> None:
        """Let SQLite stop, once, after some of its instructions; not behind a commit's, when all of it is done."""
        if dies_after is None:
            return
        left, has_died, connection = dies_after, False, self.bank.books.connection

        def tick() -> int:
            nonlocal left, has_died
            left -= 1
            dies = left <= 0 and connection.in_transaction and not has_died
            has_died |= dies
            return int(dies)

        connection.set_progress_handler(tick, 1)


def answered(entries: list[EntryDetail]) -> Counter[tuple[str, str]]:
    """What has to come back: the trace number and the code, by the account numbers that ask for it."""
    asked = {"10001": "R01", "20009": "R09", "20010": "R10", "50003": "R03", "40005": "C05"}
    return Counter((each.trace_number, asked[each.account_number]) for each in entries if each.account_number in asked)


@given(st.tuples(files(1), files(2), files(3)), courses)
@settings(max_examples=30)
def test_every_entry_is_posted_once_every_answer_comes_once_and_the_books_always_balance(
    made: tuple[list[EntryDetail], ...], course: list[tuple[tuple[str, int | None], int | None]]
) -> None:
    data = [sent(*entries, file_id=file_id) for entries, file_id in zip(made, "ABC", strict=True)]
    # Other contents under the file id of the third: whichever of the two comes first is taken.
    rival = [entry(99, account_number="111111")]
    contents = {**{f"{n}.ach": list(entries) for n, entries in enumerate(made)}, "3.ach": rival}
    with tempfile.TemporaryDirectory() as folder:
        played = Course(Path(folder), [*data, sent(*rival, file_id="C")])
        for step, dies_after in course:
            played.do(step, dies_after)
            assert played.bank.is_balanced()
        bank = played.bank
        for n in range(2):
            played.do(("take", n), None)
        bank.work(played.now_us + 365 * 24 * HOUR_US)
        taken = [row["name"] for row in bank.files.report(before=2**62, limit=100)["files"] if row["direction"] == "in"]
        assert {"0.ach", "1.ach"} <= set(taken)
        assert not {"2.ach", "3.ach"} <= set(taken)
        entries = [each for name in taken for each in contents[name]]
        posted = [each for each in entries if each.account_number != "30003"]
        came_back = answered(entries)
        returned = sum(code.startswith("R") for _, code in came_back.elements())
        assert bank.books.totals()["entries"] == 2 * (len(posted) + returned)
        assert Counter(named(each) for each in bank.answers()) == came_back
        assert bank.is_balanced()
        bank.books.close()


def test_a_bank_that_dies_anywhere_in_a_transaction_has_done_all_of_it_or_nothing(tmp_path: Path) -> None:
    course = Course(tmp_path, [sent(*debits_of("10001", "40001", "111111"))])
    deaths = 0
    for step in (
        ("take", 0),
        ("clock", 24),
        ("post", None),
        ("post", None),
        ("write", None),
        ("clock", 48),
        ("post", None),
    ):
        before = course.bank.state()
        for dies_after in range(1, 100_000, STRIDE):
            if course.do(step, dies_after):
                break
            deaths += 1
            assert course.bank.state() == before
    course.do(("write", None), None)
    assert deaths > 50, "the bank died often"
    assert Counter(named(each)[1] for each in course.bank.answers()) == {"R01": 1, "C01": 1}
    assert course.bank.books.totals()["entries"] == 2 * 4
    assert course.bank.is_balanced()
    course.bank.books.close()
