"""The values of the topic `reconciliation`: what was found in bank statements, and what was done about it, in order."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import asdict

from payments.fields import fault
from payments.idempotency import canonical_list
from payments.refusals import InvalidCommand

Record = dict[str, Any]
E = TypeVar("E", bound=StrEnum)

ID_CHARACTERS = 32


class Verdict(StrEnum):
    """What a finding says."""

    MATCHED = "matched"  # A booking and a payment agree.
    REPAIRED = "repaired"  # They agree now: the payment's outcome was not known here, and was reported.
    MISMATCHED = "mismatched"  # The booking is of the payment, and of another amount.
    DUPLICATE = "duplicate"  # The same of a payment is booked already.
    UNMATCHED_AT_BANK = "unmatched_at_bank"  # The bank has it; no payment explains it.
    UNMATCHED_HERE = "unmatched_here"  # We think that it moved; the bank's statement of that day does not have it.
    LISTED = "listed"  # The total of a batch whose payments are found one by one: it counts nowhere.


class Side(StrEnum):
    """Whose money a booking moves."""

    PAYER = "payer"
    PAYEE = "payee"


class Movement(StrEnum):
    """Which way."""

    SETTLED = "settled"  # From the payer to the payee.
    RETURNED = "returned"  # Back.


class MatchedBy(StrEnum):
    """What names the payment."""

    END_TO_END_ID = "end_to_end_id"
    TRACE_NUMBER = "trace_number"
    REFERENCE = "reference"


class Resolution(StrEnum):
    """How an open finding was dealt with."""

    ACCEPTED = "accepted"  # It is as it is, and the note says why.
    CORRECTED_BY_BANK = "corrected_by_bank"  # The bank undoes it, or has.
    BOOKED_LATER = "booked_later"  # A later statement has it: the rule's own.
    LISTED = "listed"  # A total, whose payments another statement lists: the rule's own.


# Nobody needs to look at these.
SETTLED = frozenset({Verdict.MATCHED, Verdict.REPAIRED, Verdict.LISTED})


def import_id_of(tenant_id: str, file_sha256: bytes, *, is_whole: bool) -> str:
    """Return the id of an import: the same file, compared with the same payments in the same way, is the same."""
    return id_of([tenant_id, file_sha256.hex(), int(is_whole)])


def id_of(parts: list[str | int | None]) -> str:
    """Return the id that follows from these parts: of an import, or of what is found."""
    return sha256(canonical_list(parts)).hexdigest()[:ID_CHARACTERS]


class FoundTransition(Struct, frozen=True, kw_only=True):
    """A transition of the payment, as it was known when something was found."""

    event_type: str
    occurred_at_us: int


class StatementFinding(Struct, frozen=True, kw_only=True):
    """What is said of one booking, or of a payment that is in no statement. Amounts are signed, a credit positive."""

    finding_id: str
    import_id: str
    tenant_id: str
    verdict: Verdict
    detail: str
    account: str | None = None
    currency: str
    day: str
    line: int | None = None
    amount_minor: int | None = None
    expected_minor: int | None = None
    end_to_end_id: str | None = None
    reference: str | None = None
    trace_number: str | None = None
    return_reason: str | None = None
    text: str = ""
    payment_id: str | None = None
    side: Side | None = None
    movement: Movement | None = None
    is_own: bool = False
    ledger_account_id: str | None = None
    matched_by: MatchedBy | None = None
    suggested_payment_id: str | None = None
    history: tuple[FoundTransition, ...] = ()
    found_at_us: int


class StatementImport(Struct, frozen=True, kw_only=True):
    """A file of statements was compared to the end."""

    import_id: str
    tenant_id: str
    file_sha256: bytes
    name: str
    is_whole: bool
    bookings: int
    known: int
    matched: int
    repaired: int
    mismatched: int
    duplicates: int
    unmatched_at_bank: int
    unmatched_here: int
    statements: int
    unproven: int
    imported_at_us: int


class StatementProof(Struct, frozen=True, kw_only=True):
    """One statement: what leads from its opening to its closing balance."""

    import_id: str
    tenant_id: str
    account: str
    statement_id: str
    currency: str
    first_day: str
    last_day: str
    opening_minor: int
    closing_minor: int
    ledger_minor: int
    unmatched_at_bank_minor: int
    duplicates_minor: int
    mismatched_minor: int
    ahead_minor: int
    behind_minor: int
    proved_at_us: int

    @property
    def difference_minor(self) -> int:
        """What the balances have that neither the ledger nor a finding explains."""
        explained_minor = self.unmatched_at_bank_minor + self.duplicates_minor + self.mismatched_minor
        in_time_minor = self.ahead_minor - self.behind_minor
        return self.closing_minor - self.opening_minor - self.ledger_minor - explained_minor - in_time_minor

    @property
    def holds(self) -> bool:
        return self.difference_minor == 0


class ItemResolution(Struct, frozen=True, kw_only=True):
    """An open finding was dealt with by a person or by a rule."""

    finding_id: str
    tenant_id: str
    resolution: Resolution
    note: str
    resolved_by: str
    resolved_at_us: int


ReconciliationRecord = StatementFinding | StatementImport | StatementProof | ItemResolution


def finding_record(finding: StatementFinding) -> Record:
    return {**asdict(finding), "history": [asdict(each) for each in finding.history]}


def finding_value(record: Record) -> StatementFinding:
    return StatementFinding(
        **{
            **record,
            "verdict": _member(Verdict, "verdict", record["verdict"]),
            "side": _member_or_none(Side, "side", record["side"]),
            "movement": _member_or_none(Movement, "movement", record["movement"]),
            "matched_by": _member_or_none(MatchedBy, "matched_by", record["matched_by"]),
            "history": tuple(FoundTransition(**each) for each in record["history"]),
        }
    )


def import_record(done: StatementImport) -> Record:
    return asdict(done)


def import_value(record: Record) -> StatementImport:
    return StatementImport(**record)


def proof_record(proof: StatementProof) -> Record:
    return asdict(proof)


def proof_value(record: Record) -> StatementProof:
    return StatementProof(**record)


def resolution_record(resolution: ItemResolution) -> Record:
    return asdict(resolution)


def resolution_value(record: Record) -> ItemResolution:
    return ItemResolution(**{**record, "resolution": _member(Resolution, "resolution", record["resolution"])})


def _member(enumeration: type[E], field: str, text: str) -> E:
    try:
        return enumeration(text)
    except ValueError:
        raise InvalidCommand(fault(field, f"must be one of {', '.join(enumeration)}")) from None


def _member_or_none(enumeration: type[E], field: str, text: str | None) -> E | None:
    return None if text is None else _member(enumeration, field, text)
