"""A Nacha file as the simulated bank takes it: read whole, or refused whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import FORWARD
from rails.nacha.contents import Placed
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.faults import Fault, Rule
from rails.nacha.file_control import FileControl
from rails.nacha.file_header import FileHeader
from rails.nacha.reader import examine
from rails.nacha.return_addenda import DishonoredReturn

# 100,000 entries with addenda, as many as an originator puts into a file, are 19 MB.
FILE_BYTES_MAX = 32 * 1024 * 1024
FAULTS_MAX = 100  # More than these of one file help nobody to mend it.
BANK_NAMES = "bank-"  # So begin the names of files that the bank writes.
NAME = re.compile(r"(?!bank-)[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", re.ASCII)


class BrokenFile(Exception):
    """The file breaks rules of Nacha's, or holds what this bank does not take; `faults` are the first of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(str(faults[0]))
        self.faults = tuple(faults)


class FileTooLarge(Exception):
    """The file has more than FILE_BYTES_MAX bytes."""

    def __init__(self) -> None:
        super().__init__(f"a file has at most {FILE_BYTES_MAX} bytes")


class InvalidFileName(Exception):
    """A name that no file may have which comes in."""

    def __init__(self) -> None:
        super().__init__(f"a file's name is 1 to 100 of A-Z a-z 0-9 . _ -, begins with no dot, nor with {BANK_NAMES}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositedBatch:
    """A batch header and the entries behind it, each with its line."""

    header: BatchHeader
    entries: list[tuple[int, EntryDetail]] = field(default_factory=list)

    @property
    def is_of_returns(self) -> bool:
        """A batch holds dishonored returns only, or none."""
        return any(isinstance(entry.addenda, DishonoredReturn) for _, entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """A file without faults: its bytes, and what is in them."""

    data: bytes = field(repr=False)
    header: FileHeader
    batches: Sequence[DepositedBatch]
    control: FileControl

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()

    @property
    def entries(self) -> int:
        return sum(len(batch.entries) for batch in self.batches)


def require_name(name: str) -> None:
    """Raise InvalidFileName unless a file that comes in may have this name."""
    if not NAME.fullmatch(name):
        raise InvalidFileName


def read_deposit(data: bytes) -> Deposit:
    """Return what a file holds; raises BrokenFile. A file is read in memory: some 100 MB for 100,000 entries."""
    faults: list[Fault] = []
    header: FileHeader | None = None
    control: FileControl | None = None
    batches: list[DepositedBatch] = []
    for each in examine(BytesIO(data)):
        match each:
            case Fault():
                faults.append(each)
            case Placed(record=FileHeader() as header):
                pass
            case Placed(record=BatchHeader() as batch):
                batches.append(DepositedBatch(header=batch))
            case Placed(line=line, record=EntryDetail() as entry):
                faults += _not_taken(entry, line)
                if batches:
                    batches[-1].entries.append((line, entry))
            case Placed(record=FileControl() as control):
                pass
        if len(faults) >= FAULTS_MAX:
            break
    if faults:
        raise BrokenFile(faults)
    assert header is not None, "a file without faults has a header"
    assert control is not None, "a file without faults has a control"
    return Deposit(data=data, header=header, batches=batches, control=control)


def _not_taken(entry: EntryDetail, line: int) -> list[Fault]:
    if entry.transaction_code in FORWARD or isinstance(entry.addenda, DishonoredReturn):
        return []
    detail = "must be of a forward entry or a dishonored return: this bank takes no others"
    return [EntryDetail.LAYOUT.fault(line, "transaction_code", Rule.CODE, detail)]
