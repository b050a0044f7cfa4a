"""A file is taken whole or refused whole, with line, field and rule."""

from __future__ import annotations

import pytest

from rails.nacha.answers import answer_header, return_of
from rails.nacha.contents import Batch, NachaFile
from rails.nacha.faults import Rule
from rails.nacha.writer import build_file
from rails.simulated.ach.deposit import BrokenFile, InvalidFileName, read_deposit, require_name
from tests.unit.rails.ach.written_log import THEIRS
from tests.unit.rails.ach_bank.sent_files import CREDIT, debits_of, sent
from tests.unit.rails.nacha.contents import HEADER, RDFI, batch_header, entry


def test_a_file_gives_its_entries_with_their_lines_and_sums() -> None:
    deposit = read_deposit(sent(*debits_of("111", "222"), entry(3, account_number="333", transaction_code=CREDIT)))
    [batch] = deposit.batches
    assert [(line, entry.account_number) for line, entry in batch.entries] == [(3, "111"), (4, "222"), (5, "333")]
    assert (deposit.control.total_debit_minor, deposit.control.total_credit_minor) == (300_000, 150_000)
    assert deposit.entries == 3


def test_every_fault_of_a_broken_file_is_told() -> None:
    lines = sent(*debits_of("111", "222")).splitlines()
    lines[2] = lines[2][:29] + b"00000O0000" + lines[2][39:]
    lines[4] = b"8225" + lines[4][4:]
    with pytest.raises(BrokenFile) as refused:
        read_deposit(b"\n".join(lines))
    assert [(fault.line, fault.field, fault.rule) for fault in refused.value.faults] == [
        (3, "amount", Rule.FORMAT),
        (5, "service_class_code", Rule.CONTROL_AGREES),
    ]


@pytest.mark.parametrize("data", [b"", b"\n", b"hello", b"\xff" * 94, b"9" * 94])
def test_what_is_no_nacha_file_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenFile):
        read_deposit(data)


def test_a_file_that_is_cut_short_is_refused() -> None:
    data = sent(*debits_of("111", "222"))
    for end in range(0, len(data.rstrip(b"9\n")), 40):
        with pytest.raises(BrokenFile):
            read_deposit(data[:end])


def test_a_file_of_returns_is_refused() -> None:
    [debit] = debits_of("111")
    back = return_of(debit, code="R01", to_routing_number="121042882", trace_number=THEIRS)
    header = answer_header(batch_header(), codes=[back.transaction_code], from_dfi=RDFI, batch_number=1)
    data = build_file(NachaFile(header=HEADER, batches=(Batch(header=header, entries=(back,)),)))
    with pytest.raises(BrokenFile) as refused:
        read_deposit(data)
    assert [(fault.line, fault.field) for fault in refused.value.faults] == [(3, "transaction_code")]


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a b", "bank-20261201-A-00000001.ach", "é.ach", "a" * 101])
def test_a_name_that_a_file_may_not_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidFileName):
        require_name(name)


def test_the_originators_names_are_names() -> None:
    require_name("20261201-A-same_day_ach-00000001.ach")
