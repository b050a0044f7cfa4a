"""The book: payment-events and the topic `reconciliation`, folded into SQLite with their positions.

The same records always give the same book. It may be deleted at any time, and is folded again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, assert_never

import msgspec

from kafka_log.sql_files import read_statements
from kafka_log.state_file import Tables, drop_state_file, open_state_file, transaction
from payments.payment import Status
from reconciliation.bookings import Booking
from reconciliation.judging import Booked
from reconciliation.known_payment import KnownPayment
from reconciliation.legs import Leg
from schemas import codec
from schemas.reconciliation import (
    FoundTransition,
    ItemResolution,
    Movement,
    ReconciliationRecord,
    Resolution,
    Side,
    StatementFinding,
    StatementImport,
    StatementProof,
    Verdict,
)

_FOLDER = Path(__file__).parent / "sql"
_SQL = read_statements(_FOLDER / "statements.sql")
# A book of another shape is dropped, and folded again.
_TABLES = Tables(schema=_FOLDER / "book.sql", shape=2, dropped="reconciliation_book_dropped")
PAGE_ROWS_MAX = 1000

R = TypeVar("R", StatementFinding, StatementImport, StatementProof, ItemResolution)

_history = msgspec.json.Decoder(tuple[FoundTransition, ...])


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A finding and what was done about it; `number` is its place in the list."""

    number: int
    finding: StatementFinding
    resolution: ItemResolution | None


class Book:
    """The book in `path`, or in memory. For one thread at a time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection = open_state_file(path or Path(":memory:"), _TABLES)

    def close(self) -> None:
        self._connection.close()

    @property
    def next_offset(self) -> int:
        """Where the topic `reconciliation` is read on."""
        return int(self._connection.execute(_SQL["read_log"]).fetchone()["next_offset"])

    @property
    def positions(self) -> dict[int, int]:
        """Where each partition of payment-events is read on."""
        return {row["partition"]: row["next_offset"] for row in self._connection.execute(_SQL["read_positions"])}

    def adopt(self, identity: str, end: int) -> bool:
        """Make this the book of the topics with this identity, of which `reconciliation` ends at `end`.

        False: it was another's, and had to be emptied.
        """
        row = self._connection.execute(_SQL["read_log"]).fetchone()
        is_ours = row is None or (row["identity"] == identity and row["next_offset"] <= end)
        if not is_ours:
            self.close()
            assert self._path is not None
            drop_state_file(self._path)
            self._connection = open_state_file(self._path, _TABLES)
        if row is None or not is_ours:
            self._connection.execute(_SQL["adopt"], {"identity": identity})
        return is_ours

    def keep(self, payments: Iterable[KnownPayment], next_offsets: Mapping[int, int]) -> None:
        """Take payments as their newest records have them, and the positions behind those."""
        rows = [_payment_row(each) for each in payments]
        positions = [{"partition": p, "next_offset": offset} for p, offset in next_offsets.items()]
        with transaction(self._connection):
            self._connection.executemany(_SQL["keep_payment"], rows)
            self._connection.executemany(_SQL["save_position"], positions)

    def apply(self, records: Sequence[tuple[int, ReconciliationRecord]]) -> None:
        """Fold records, each with its offset, in one transaction; what is in the book already is passed over."""
        with transaction(self._connection):
            next_offset = self.next_offset
            for offset, record in records:
                if offset >= next_offset:
                    self._apply(offset, record)
                    next_offset = offset + 1
            self._connection.execute(_SQL["advance"], {"next_offset": next_offset})

    def find_import(self, import_id: str) -> StatementImport | None:
        row = self._connection.execute(_SQL["find_import"], {"import_id": import_id}).fetchone()
        return None if row is None else _read(row["record"], StatementImport)

    def counts(self, import_id: str) -> dict[Verdict, int]:
        """Return how many findings of each verdict a file has."""
        rows = self._connection.execute(_SQL["counts"], {"import_id": import_id})
        return dict.fromkeys(Verdict, 0) | {Verdict(row["verdict"]): row["findings"] for row in rows}

    def find(self, finding_id: str) -> tuple[StatementFinding, ItemResolution | None] | None:
        row = self._connection.execute(_SQL["find"], {"finding_id": finding_id}).fetchone()
        return None if row is None else (_read(row["record"], StatementFinding), _resolution(row))

    def booked(self, payment_id: str, leg: Leg, tenant_id: str) -> Booked:
        """Return what is booked already of a payment, seen from one of its legs."""
        rows = self._connection.execute(_SQL["booked"], {"payment_id": payment_id, "tenant_id": tenant_id}).fetchall()
        legs = {(row["side"], row["movement"], bool(row["is_own"])) for row in rows}
        reported = {row["movement"] for row in rows if row["verdict"] == Verdict.REPAIRED}
        return Booked(
            this_leg=tuple(leg) in legs,
            is_arrival_reported=Movement.SETTLED in reported,
            is_reported=leg.movement in reported,
        )

    def missing(self, payment_id: str, movement: Movement, tenant_id: str) -> str | None:
        """Return the open finding that this movement of the payment is in no statement, or None."""
        rows = self._connection.execute(_SQL["missing"], {"payment_id": payment_id, "tenant_id": tenant_id})
        return next((str(row["finding_id"]) for row in rows if row["movement"] == movement), None)

    def like_it(self, booking: Booking, side: Side, tenant_id: str) -> str | None:
        """Return the only payment of that day and amount that no booking has, or None."""
        wanted = {
            "day": booking.day.isoformat(),
            "amount_minor": abs(booking.amount_minor),
            "currency": booking.currency,
            "side": side.value,
            "tenant_id": tenant_id,
        }
        found = self._connection.execute(_SQL["like_it"], wanted).fetchall()
        return str(found[0]["payment_id"]) if len(found) == 1 else None

    def not_booked(self, day: str, movement: Movement, tenant_id: str) -> Iterator[KnownPayment]:
        """Yield the payments whose money moved on that day by our books and by no booking."""
        name = "not_booked" if movement is Movement.SETTLED else "not_given_back"
        after = ""
        while True:
            wanted = {"day": day, "tenant_id": tenant_id, "after": after, "limit": PAGE_ROWS_MAX}
            rows = self._connection.execute(_SQL[name], wanted).fetchall()
            yield from map(_payment, rows)
            if len(rows) < PAGE_ROWS_MAX:
                return
            after = rows[-1]["payment_id"]

    def own_accounts(self, tenant_id: str) -> frozenset[str]:
        """Return the accounts that statements have shown to be ours."""
        rows = self._connection.execute(_SQL["own_accounts"], {"tenant_id": tenant_id})
        return frozenset(row["account"] for row in rows)

    def bookings_of(self, account: str, days: tuple[str, str], tenant_id: str) -> Iterator[StatementFinding]:
        """Yield the findings of an account's bookings from the first to the last of `days`."""
        wanted = {"account": account, "first_day": days[0], "last_day": days[1], "tenant_id": tenant_id}
        for row in self._connection.execute(_SQL["bookings_of"], wanted):
            yield _read(row["record"], StatementFinding)

    def ledger_accounts_of(self, account: str, tenant_id: str) -> frozenset[str]:
        """Return which of our bank accounts an account of the bank's is, as far as its bookings told."""
        rows = self._connection.execute(_SQL["ledger_accounts_of"], {"account": account, "tenant_id": tenant_id})
        return frozenset(row["ledger_account_id"] for row in rows)

    def payments_on(
        self, account: str, days: tuple[str, str], tenant_id: str, *, of_accounts: frozenset[str] | None
    ) -> list[KnownPayment]:
        """Return the payments whose money our ledger moved on an account in these days; None: an account of ours."""
        wanted = {"account": account, "first_day": days[0], "last_day": days[1], "tenant_id": tenant_id}
        if of_accounts is None:
            return [_payment(row) for row in self._connection.execute(_SQL["payments_through"], wanted)]
        wanted["accounts"] = json.dumps(sorted(of_accounts))
        return [_payment(row) for row in self._connection.execute(_SQL["payments_of_accounts"], wanted)]

    def proofs(self, import_id: str, limit: int) -> list[StatementProof]:
        """Return the proofs of a file, those that do not hold first."""
        rows = self._connection.execute(_SQL["proofs"], {"import_id": import_id, "limit": limit})
        return [_read(row["record"], StatementProof) for row in rows]

    def items(self, tenant_id: str, state: str | None, *, after: int, limit: int) -> list[Item]:
        """Return a page of findings in their order: `open`, `resolved`, those of a verdict, or all that are more than
        matched."""
        names = {None: "items", "open": "open_items", "resolved": "resolved_items"}
        wanted = {"tenant_id": tenant_id, "after": after, "limit": limit, "state": state}
        rows = self._connection.execute(_SQL[names.get(state, "items_of_verdict")], wanted)
        return [
            Item(number=row["number"], finding=_read(row["record"], StatementFinding), resolution=_resolution(row))
            for row in rows
        ]

    def payments_of(self, tenant_id: str) -> BookNames:
        """Return who finds the payments of a tenant; of any, when that is empty."""
        return BookNames(self._connection, tenant_id)

    def _apply(self, offset: int, record: ReconciliationRecord) -> None:
        match record:
            case StatementFinding():
                self._enter(offset, record)
            case StatementImport():
                self._connection.execute(
                    _SQL["end_import"], {"import_id": record.import_id, "record": codec.encode(record)}
                )
            case StatementProof():
                self._connection.execute(_SQL["prove"], _proof_row(offset, record))
            case ItemResolution():
                row = {"finding_id": record.finding_id, "resolution": codec.encode(record)}
                self._connection.execute(_SQL["resolve"], row)
                if record.resolution is Resolution.LISTED:
                    self._connection.execute(_SQL["list"], {"finding_id": record.finding_id})
            case _:
                assert_never(record)

    def _enter(self, offset: int, finding: StatementFinding) -> None:
        row = {
            "number": offset,
            "finding_id": finding.finding_id,
            "import_id": finding.import_id,
            "tenant_id": finding.tenant_id,
            "verdict": finding.verdict.value,
            "account": finding.account,
            "day": finding.day,
            "payment_id": finding.payment_id,
            "side": finding.side,
            "movement": finding.movement,
            "is_own": int(finding.is_own),
            "ledger_account_id": finding.ledger_account_id,
            "record": codec.encode(finding),
        }
        self._connection.execute(_SQL["enter"], row)
        if finding.is_own and finding.account is not None:
            own = {"tenant_id": finding.tenant_id, "account": finding.account}
            self._connection.execute(_SQL["own_account"], own)


class BookNames:
    """The payments of the book by their names (`reconciliation.naming.Names`)."""

    def __init__(self, connection: sqlite3.Connection, tenant_id: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def payment(self, payment_id: str) -> KnownPayment | None:
        wanted = {"payment_id": payment_id, "tenant_id": self._tenant_id}
        row = self._connection.execute(_SQL["payment"], wanted).fetchone()
        return None if row is None else _payment(row)

    def by_bank_reference(self, bank_reference: str, days: tuple[date, date]) -> KnownPayment | None:
        wanted = {
            "bank_reference": bank_reference,
            "tenant_id": self._tenant_id,
            "first_day": days[0].isoformat(),
            "last_day": days[1].isoformat(),
        }
        rows = self._connection.execute(_SQL["by_bank_reference"], wanted).fetchall()
        return _payment(rows[0]) if len(rows) == 1 else None


def _payment_row(known: KnownPayment) -> dict[str, Any]:
    row = msgspec.structs.asdict(known)
    return {**row, "status": known.status.value, "history": msgspec.json.encode(known.history)}


def _payment(row: sqlite3.Row) -> KnownPayment:
    values = {**dict(row), "status": Status(row["status"]), "history": _history.decode(row["history"])}
    return KnownPayment(**values)


def _proof_row(offset: int, proof: StatementProof) -> dict[str, Any]:
    return {
        "number": offset,
        "import_id": proof.import_id,
        "account": proof.account,
        "statement_id": proof.statement_id,
        "holds": int(proof.holds),
        "record": codec.encode(proof),
    }


def _resolution(row: sqlite3.Row) -> ItemResolution | None:
    return None if row["resolution"] is None else _read(row["resolution"], ItemResolution)


def _read(data: bytes, kind: type[R]) -> R:
    record = codec.decode(data)
    assert isinstance(record, kind), "nothing else was kept there"
    return record
