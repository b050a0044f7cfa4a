"""Files, accounts and entries as rows of the books, and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from directory.entities import AccountType, check_digit
from payments.windows import BankHours, Leg, eastern
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import DEBITS, TransactionCode
from rails.nacha.entry_detail import EntryDetail
from rails.simulated.ach.answer_file import AnswerKind, WaitingAnswer
from rails.simulated.ach.deposit import Deposit, DepositedBatch
from rails.simulated.ach.due_dates import answers_at_us, settles_at_us
from rails.simulated.ach.injected_faults import FaultKind, OpenFault
from rails.simulated.scenarios import Scenario, script_of_entry

_entry = msgspec.json.Decoder(EntryDetail)
_batch_header = msgspec.json.Decoder(BatchHeader)

HashOf = Callable[[str, str], bytes]  # Of a routing number and an account number.


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The file as it was taken, under the name that it first came with. Amounts in cents, times in microseconds UTC."""

    name: str
    sha256: str
    entries: int
    debit_minor: int
    credit_minor: int
    received_at_us: int
    is_new: bool


def incoming_row(name: str, deposit: Deposit, received_at_us: int) -> dict[str, Any]:
    """Return the row of a file that came."""
    header, control = deposit.header, deposit.control
    return {
        "direction": "in",
        "name": name,
        "sha256": deposit.sha256,
        "destination": header.immediate_destination,
        "origin": header.immediate_origin,
        "created_on": header.file_creation_date.isoformat(),
        "file_id": header.file_id_modifier,
        "header": msgspec.json.encode(header),
        "entries": deposit.entries,
        "debit_minor": control.total_debit_minor,
        "credit_minor": control.total_credit_minor,
        "at_us": received_at_us,
        "data": deposit.data,
    }


def taken_of(row: sqlite3.Row | dict[str, Any], *, is_new: bool) -> Taken:
    """Return what callers are told of a file's row."""
    return Taken(
        name=row["name"],
        sha256=row["sha256"].hex(),
        entries=row["entries"],
        debit_minor=row["debit_minor"],
        credit_minor=row["credit_minor"],
        received_at_us=row["at_us"],
        is_new=is_new,
    )


def waiting_answer(row: sqlite3.Row) -> WaitingAnswer:
    return WaitingAnswer(
        answer_id=row["answer_id"],
        kind=AnswerKind(row["kind"]),
        code=row["code"],
        amount_minor=row["amount_minor"],
        entry=_entry.decode(row["record"]),
        of_file=row["of_file"],
        of_batch=_batch_header.decode(row["batch_header"]),
        settled_at=eastern(row["settles_at_us"]),
    )


def open_fault(row: sqlite3.Row) -> OpenFault:
    return OpenFault(
        fault_id=row["fault_id"],
        kind=FaultKind(row["kind"]),
        reference=row["reference"],
        entries_left=row["entries_left"],
        code=row["code"],
    )


def company_account(header: BatchHeader, hash_of: HashOf, opened_at_us: int) -> dict[str, Any]:
    """Return the account of a batch's company at the bank that sends it."""
    bank = header.originating_dfi_identification
    company_id = header.company_identification
    return {
        # No routing number begins so: the company is no receiver's account.
        "number_hash": hash_of(f"company:{bank}", company_id),
        "routing_number": f"{bank}{check_digit(bank)}",
        "last4": company_id[-4:],
        "holder": header.company_name,
        "account_type": AccountType.CHECKING.value,
        "opened_at_us": opened_at_us,
    }


def receivers(batch: DepositedBatch, hash_of: HashOf, opened_at_us: int) -> Iterator[dict[str, Any]]:
    """Yield the account of each entry of a batch."""
    for _, entry in batch.entries:
        is_savings = entry.transaction_code >= TransactionCode.SAVINGS_CREDIT_RETURN
        yield {
            "number_hash": number_hash_of(entry, hash_of),
            "routing_number": entry.routing_number,
            "last4": entry.account_number.strip()[-4:],
            "holder": entry.individual_name,
            "account_type": (AccountType.SAVINGS if is_savings else AccountType.CHECKING).value,
            "opened_at_us": opened_at_us,
        }


def number_hash_of(entry: EntryDetail, hash_of: HashOf) -> bytes:
    """Return what the books know an entry's account by."""
    return hash_of(entry.routing_number, entry.account_number.strip())


def entry_row(
    header: BatchHeader, line: int, entry: EntryDetail, hours: BankHours, received_at_us: int
) -> dict[str, Any]:
    """Return an entry, with when it settles and what is answered to it."""
    leg = Leg.DEBIT if entry.transaction_code in DEBITS else Leg.CREDIT
    script = script_of_entry(entry.account_number.strip())
    settles_us = settles_at_us(
        hours,
        leg=leg,
        amount_minor=entry.amount_minor,
        effective_on=header.effective_entry_date,
        received_at_us=received_at_us,
    )
    return {
        "line": line,
        "trace_number": entry.trace_number,
        "identification": entry.individual_identification_number,
        "is_debit": int(leg is Leg.DEBIT),
        "amount_minor": entry.amount_minor,
        "record": msgspec.json.encode(entry),
        "scenario": script.scenario.value,
        "code": script.code,
        "settles_at_us": settles_us,
        "answers_at_us": answers_at_us(hours, script, settles_us),
        "next_at_us": None if script.scenario is Scenario.NEVER_HEARD_OF else settles_us,
    }
