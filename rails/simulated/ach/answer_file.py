"""The files that the simulated bank writes, of returns, notifications of change and contested returns: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import msgspec

from directory.entities import AccountType, check_digit
from rails.nacha.addenda import BANK_DIGITS
from rails.nacha.answers import answer_header, change_of, contested, return_of
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import DEBITS, Direction, TransactionCode, transaction_code
from rails.nacha.contents import SEQUENCE_MAX, Batch, NachaFile, trace_number
from rails.nacha.corrections import Correction, corrected_data
from rails.nacha.entry_detail import EntryDetail, check_digit_fits
from rails.nacha.file_header import FileHeader
from rails.nacha.return_codes import DECEASED

ACCOUNT_CHARACTERS = 17
ROUTING_DIGITS = 9


class AnswerKind(StrEnum):
    """What is answered to an entry."""

    RETURN = "return"
    CHANGE = "change"
    CONTEST = "contest"  # Of the entry that dishonors a return.


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What a contest says of what went before: when the first entry settled, and when it was returned."""

    entry_settled_on: date
    returned_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingAnswer:
    """An answer that is to stand in a file: to which entry, of which batch of which file, and what it says.

    `settled_at` is when the entry settled; `contest` is of contests.
    """

    answer_id: int
    kind: AnswerKind
    code: str
    amount_minor: int
    entry: EntryDetail
    of_file: int
    of_batch: BatchHeader
    settled_at: datetime
    contest: Contest | None = None

    @property
    def receiving_dfi(self) -> str:
        """The bank that answers."""
        return self.entry.routing_number[:BANK_DIGITS]


def answer_file(
    answers: Sequence[WaitingAnswer], *, to: FileHeader, made_at: datetime, file_id: str, number: int
) -> NachaFile:
    """Return the file of some answers, to whoever sent the file with the header `to`; `made_at` in Eastern time."""
    header = FileHeader(
        immediate_destination=_destination(to, answers[0]),
        immediate_origin=to.immediate_destination,
        file_creation_date=made_at.date(),
        file_creation_time=made_at.time().replace(second=0, microsecond=0, tzinfo=None),
        file_id_modifier=file_id,
        immediate_destination_name=to.immediate_origin_name,
        immediate_origin_name=to.immediate_destination_name,
        reference_code=f"{number % 10**8:08d}",
    )
    # A batch answers one batch, and comes from one bank: its trace numbers begin with that bank's number.
    together: dict[tuple[int, int, str, AnswerKind], list[WaitingAnswer]] = {}
    for each in answers:
        key = (each.of_file, each.of_batch.batch_number, each.receiving_dfi, each.kind)
        together.setdefault(key, []).append(each)
    return NachaFile(header=header, batches=tuple(_batch(some, n) for n, some in enumerate(together.values(), 1)))


def entry_of(answer: WaitingAnswer) -> EntryDetail:
    """Return the entry that says the answer, with a trace number of the bank that answers."""
    to = _with_check_digit(answer.of_batch.originating_dfi_identification)
    trace = trace_number(answer.receiving_dfi, (answer.answer_id - 1) % SEQUENCE_MAX + 1)
    if answer.kind is AnswerKind.CONTEST:
        assert answer.contest is not None
        return contested(
            answer.entry,
            code=answer.code,
            entry_settled_on=answer.contest.entry_settled_on,
            returned_on=answer.contest.returned_on,
            settled_on=answer.settled_at.date(),
            to_routing_number=to,
            trace_number=trace,
        )
    if answer.kind is AnswerKind.CHANGE:
        corrected = corrected_data(answer.code, correction_of(answer.entry))
        return change_of(
            answer.entry, code=answer.code, corrected_data=corrected, to_routing_number=to, trace_number=trace
        )
    died_on = answer.settled_at.date() if answer.code in DECEASED else None
    returned = return_of(
        answer.entry, code=answer.code, to_routing_number=to, trace_number=trace, date_of_death=died_on
    )
    return msgspec.structs.replace(returned, amount_minor=answer.amount_minor)


def correction_of(entry: EntryDetail) -> Correction:
    """Return what the bank says would be right: made up of the entry, so that it is the same every time."""
    bank = f"{(int(entry.routing_number[:BANK_DIGITS]) + 1) % 10**BANK_DIGITS:0{BANK_DIGITS}d}"
    is_checking = entry.transaction_code < TransactionCode.SAVINGS_CREDIT_RETURN
    direction = Direction.DEBIT if entry.transaction_code in DEBITS else Direction.CREDIT
    return Correction(
        routing_number=_with_check_digit(bank),
        account_number=f"9{entry.account_number.strip()}"[:ACCOUNT_CHARACTERS],
        transaction_code=transaction_code(AccountType.SAVINGS if is_checking else AccountType.CHECKING, direction),
        individual_name="CORRECTED NAME",
        individual_identification_number="CORRECTED",
    )


def _batch(answers: Sequence[WaitingAnswer], batch_number: int) -> Batch:
    first = answers[0]
    entries = sorted((entry_of(each) for each in answers), key=lambda entry: entry.trace_number)
    header = answer_header(
        first.of_batch,
        codes=[entry.transaction_code for entry in entries],
        from_dfi=first.receiving_dfi,
        batch_number=batch_number,
        changes=first.kind is AnswerKind.CHANGE,
    )
    return Batch(header=header, entries=tuple(entries))


def _destination(to: FileHeader, answer: WaitingAnswer) -> str:
    """Return where the file goes: to the sender, if that is a bank, else to the bank that sent its entries."""
    origin = to.immediate_origin
    is_bank = len(origin) == ROUTING_DIGITS and origin.isdecimal() and check_digit_fits(origin)
    return origin if is_bank else _with_check_digit(answer.of_batch.originating_dfi_identification)


def _with_check_digit(dfi: str) -> str:
    return f"{dfi}{check_digit(dfi)}"
