"""What a file from the bank says: returns and notifications of change, as records of ach-origination."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from directory.sealing import Keyring, Sealed
from rails.nacha.addenda import NotificationOfChange
from rails.nacha.batch_header import BatchHeader
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.faults import Fault
from rails.nacha.file_header import FileHeader
from rails.nacha.reader import examine, read_records
from rails.nacha.return_addenda import ContestedReturn, DishonoredReturn, Return
from schemas.origination import AchNotice, AchReturn

FAULTS_MAX = 1000  # More than these of one file help nobody to mend it.


def faults_of(file: BinaryIO) -> list[str]:
    """Return why a file cannot be acted on, or nothing: broken rules, and entries that answer none of ours."""
    faults: list[str] = []
    for each in examine(file):
        if isinstance(each, Fault):
            faults.append(str(each))
        elif isinstance(each.record, EntryDetail) and not _is_answer(each.record):
            faults.append(f"line {each.line}: an entry that is neither a return nor a notification of change")
        if len(faults) == FAULTS_MAX:
            break
    return faults


def answers_of(
    file: BinaryIO, *, file_sha256: bytes, keyring: Keyring, nonce: Callable[[], bytes], received_at_us: int
) -> Iterator[AchReturn | AchNotice]:
    """Yield the records of a file without faults. What banks say freely is sealed: it may hold account numbers."""
    made_on = settled_on = 0  # Days of the year.
    for placed in read_records(file):
        entry = placed.record
        if isinstance(entry, FileHeader):
            made_on = entry.file_creation_date.timetuple().tm_yday
        if isinstance(entry, BatchHeader):
            # Operators write it; a bank that hands its files over itself may not.
            settled_on = entry.settlement_day or made_on
        if not isinstance(entry, EntryDetail):
            continue
        addenda, line = entry.addenda, placed.line

        def seal(text: str, line: int = line) -> Sealed:
            return keyring.seal(answer_name(file_sha256, line), text.encode(), nonce())

        if isinstance(addenda, NotificationOfChange):
            yield AchNotice(
                file_sha256=file_sha256,
                line=line,
                original_trace_number=addenda.original_trace_number,
                code=addenda.change_code,
                corrected=seal(addenda.corrected_data),
                received_at_us=received_at_us,
            )
        elif isinstance(addenda, Return | DishonoredReturn | ContestedReturn):
            information = "" if isinstance(addenda, ContestedReturn) else addenda.addenda_information
            yield AchReturn(
                file_sha256=file_sha256,
                line=line,
                original_trace_number=addenda.original_trace_number,
                code=_code(addenda),
                amount_minor=entry.amount_minor,
                information=seal(information) if information else None,
                received_at_us=received_at_us,
                return_trace_number=entry.trace_number,
                settlement_day=settled_on,
                dishonored_trace_number=_dishonored(addenda),
            )


def answer_name(file_sha256: bytes, line: int) -> str:
    """Return what the sealed text of an answer is bound to."""
    return f"{file_sha256.hex()}:{line}"


def _is_answer(entry: EntryDetail) -> bool:
    return isinstance(entry.addenda, Return | DishonoredReturn | ContestedReturn | NotificationOfChange)


def _code(addenda: Return | DishonoredReturn | ContestedReturn) -> str:
    match addenda:
        case Return():
            return addenda.return_reason_code
        case DishonoredReturn():
            return addenda.dishonored_return_reason_code
        case ContestedReturn():
            return addenda.contested_return_reason_code


def _dishonored(addenda: Return | DishonoredReturn | ContestedReturn) -> str | None:
    return addenda.dishonored_return_trace_number if isinstance(addenda, ContestedReturn) else None
