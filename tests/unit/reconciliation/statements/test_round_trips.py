"""What the bank writes is what reconciliation reads: in every format, for anything that the bank can have booked."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rails.simulated.statements.bai2 import UnwritableStatement
from rails.simulated.statements.bookings import AccountStatement, StatementFile
from rails.simulated.statements.writer import FORMATS
from reconciliation.statements.faults import InvalidStatement
from reconciliation.statements.reader import read_statements
from reconciliation.statements.values import StatementEnd
from tests.unit.reconciliation.statements.bank_files import CREATED_AT, DAY, expected, files, read, written
from tests.unit.reconciliation.statements.independent_camt import check

CAMT = sorted(form for form in FORMATS if form.startswith("camt"))


@given(files(), st.sampled_from([*CAMT, "csv"]))
def test_camt_and_csv_are_read_back_equal(file: StatementFile, form: str) -> None:
    assert read(written(file, form)) == expected(file, form)


@given(files(days_max=1))
def test_bai2_is_read_back_as_far_as_it_can_tell(file: StatementFile) -> None:
    assert read(written(file, "bai2")) == expected(file, "bai2")


@given(files(), st.sampled_from(CAMT))
def test_camt_satisfies_the_second_opinion_and_is_the_same_bytes_again(file: StatementFile, form: str) -> None:
    data = written(file, form)
    assert check(data) == []
    assert data == written(file, form)


@given(files(days_max=1), st.sampled_from(["camt.053", "bai2", "csv"]))
def test_each_statement_ends_with_its_sums(file: StatementFile, form: str) -> None:
    parts = [placed.part for placed in read_statements(io.BytesIO(written(file, form)))]
    ends = [part for part in parts if isinstance(part, StatementEnd)]
    for statement, end in zip(file.statements, ends, strict=True):
        amounts = [booking.item.amount_minor for booking in statement.bookings]
        assert end == StatementEnd(
            entries_count=len(amounts),
            credit_minor=sum(amount for amount in amounts if amount > 0),
            debit_minor=-sum(amount for amount in amounts if amount < 0),
        )


@given(files(days_max=1), st.sampled_from(["camt.053", "bai2", "csv"]), st.data())
def test_a_file_that_is_cut_off_is_refused_wherever_that_is(
    file: StatementFile, form: str, data: st.DataObject
) -> None:
    whole = written(file, form).rstrip(b"\n")
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(InvalidStatement):
        read(cut)


@given(files(days_max=1), st.sampled_from([*CAMT, "bai2", "csv"]), st.data())
def test_a_changed_byte_is_refused_or_read_as_a_statement_whose_balances_follow(
    file: StatementFile, form: str, data: st.DataObject
) -> None:
    changed = bytearray(written(file, form))
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.sampled_from(b'0195 ,/<>&"\n-\x00\xe9Z'))
    try:
        statements = read(bytes(changed))
    except InvalidStatement:
        return
    for statement in statements:
        booked = [entry.direction.signed(entry.amount_minor) for entry in statement.entries if entry.is_booked]
        assert statement.head.opening_minor + sum(booked) == statement.head.closing_minor


@given(st.binary(max_size=300))
def test_anything_is_refused_and_nothing_is_a_statement_by_accident(anything: bytes) -> None:
    for head in (b"", b"<Document", b"01,", b"row,"):
        with pytest.raises(InvalidStatement):
            read(head + anything)


def test_bai2_refuses_to_put_several_days_or_the_same_day_twice_into_one_account() -> None:
    day = AccountStatement(
        account="1", statement_id="A", currency="USD", opening_minor=0, first_day=DAY, last_day=DAY, bookings=()
    )
    for statements in ((replace(day, first_day=DAY - timedelta(days=1)),), (day, replace(day, statement_id="B"))):
        file = StatementFile(sender="1", receiver="2", created_at=CREATED_AT, number=1, statements=statements)
        with pytest.raises(UnwritableStatement):
            written(file, "bai2")
        assert read(written(file, "camt.053")) == expected(file, "camt.053")
