"""The simulated bank's durable books: accounts, transfers, double entries and the feed of outcomes, in one SQLite file.

Every method is one transaction. `synchronous=FULL`, because a bank that has answered must not forget, not even when
the power fails: DirectPay could tell nobody where the money is. Not for several threads at once: a process has one
thread for its books.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kafka_log.sql_files import read_statements
from kafka_log.state_file import connect, transaction
from rails.bank import Answer, Instruction, Outcome, Party, Reference, Result, Standing
from rails.simulated.delays import returns_at_us, settles_at_us
from rails.simulated.scenarios import ANSWERS_NO_SUBMIT, RETURNING, TELLS_NOTHING, Scenario, script_of
from rails.simulated.settling import Round
from rails.simulated.transfer_faults import TransferFaults

DUE_MAX = 1000  # Settled in one transaction: a few ten milliseconds, during which nothing else is answered.
BOOKS_SHAPE = 1  # Since references have no hyphens.

_FOLDER = Path(__file__).parent / "sql"
_SQL = read_statements(_FOLDER / "statements.sql")


class Books:
    """The books in `path`, opened or made. Delays are the rails' own, divided by `speed`."""

    def __init__(self, path: Path, *, speed: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._speed = speed
        self._connection = connect(path)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        for tables in ("schema.sql", "ach_tables.sql"):
            self._connection.executescript((_FOLDER / tables).read_text(encoding="utf-8"))
        fresh = {"books_id": uuid.uuid4().hex, "salt": secrets.token_bytes(32)}
        self._connection.execute(_SQL["open_books"], fresh)
        self._shorten_references()
        self.faults = TransferFaults(self._connection)
        row = self._connection.execute(_SQL["read_books"]).fetchone()
        self.books_id: str = row["books_id"]
        self._salt: bytes = row["salt"]

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for the other parts of the books, in the same thread."""
        return self._connection

    def close(self) -> None:
        self._connection.close()

    def take(self, instructions: Sequence[Instruction], *, received_us: Callable[[int], int]) -> dict[str, Answer]:
        """Take what is new and return the standing of all, but for those whose script answers no submit.

        `received_us` dates the receipt of an instruction that was claimed at the time it is given.
        """
        transfers = [self._transfer_of(each, received_us(each.claimed_at_us)) for each in instructions]
        with self.transaction() as connection:
            self.open_accounts(_accounts_of(instructions, transfers))
            self.faults.draw(transfers)
            taken = connection.executemany(_SQL["take_transfer"], transfers).rowcount
            if taken == len(transfers):
                answers = {each["reference"]: _new_standing(each) for each in transfers}
            else:
                answers = self._standings([each.reference for each in instructions])
        silent = {each["reference"] for each in transfers if each["scenario"] in ANSWERS_NO_SUBMIT}
        return {reference: answer for reference, answer in answers.items() if reference not in silent}

    def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        """Return the standing of every reference."""
        return self._standings(references)

    def settle_due(self, *, now_us: int) -> int:
        """Do what is due by now, at most DUE_MAX transfers, and return how many were."""
        with self.transaction() as connection:
            due = connection.execute(_SQL["due"], (now_us, DUE_MAX)).fetchall()
            done = Round()
            for row in due:
                done.add(row)
            connection.executemany(_SQL["post"], done.lines)
            connection.executemany(_SQL["post_again"], done.second_lines)
            self.change_balances(done.balances)
            connection.executemany(_SQL["tell"], done.outcomes)
            connection.executemany(_SQL["advance"], done.states)
        return len(due)

    def next_due_us(self) -> int | None:
        """Return when something is next due, or None."""
        due_us: int | None = self._connection.execute(_SQL["next_due"]).fetchone()[0]
        return due_us

    def outcomes(self, after: int, limit: int) -> list[tuple[int, Outcome]]:
        """Return what the feed tells behind sequence `after`, each with its sequence."""
        rows = self._connection.execute(_SQL["feed"], (after, limit))
        return [(row["sequence"], _outcome(row)) for row in rows]

    def totals(self) -> dict[str, int]:
        return dict(self._connection.execute(_SQL["totals"]).fetchone())

    def accounts(self, after: int, limit: int) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(_SQL["list_accounts"], (after, limit))]

    def transfers(self, after: int, limit: int) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(_SQL["list_transfers"], (after, limit))]

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Everything that is written within is written, or nothing."""
        return transaction(self._connection)

    def number_hash(self, routing_number: str, account_number: str) -> bytes:
        """Return what the books know an account by.

        They know it again without holding its number in clear, so that a copy of the accounts gives none away.
        """
        return hmac.digest(self._salt, f"{routing_number}:{account_number}".encode(), hashlib.sha256)

    def open_accounts(self, accounts: Sequence[dict[str, Any]]) -> None:
        """Open the accounts that are new, empty; inside of a transaction."""
        self._connection.executemany(_SQL["open_account"], accounts)

    def change_balances(self, changes: Mapping[int, int]) -> None:
        """Add to the balances of accounts, in cents, what was posted to them; inside of a transaction."""
        rows = [{"account_id": each, "amount_minor": amount} for each, amount in changes.items()]
        self._connection.executemany(_SQL["change_balance"], rows)

    def _shorten_references(self) -> None:
        """Write references as they are written now, once: books of earlier releases have hyphens in them."""
        if self._connection.execute("PRAGMA user_version").fetchone()[0] >= BOOKS_SHAPE:
            return
        with self.transaction() as connection:
            connection.execute(_SQL["shorten_references"])
            connection.execute(f"PRAGMA user_version={BOOKS_SHAPE}")

    def _hash(self, party: Party) -> bytes:
        return self.number_hash(party.routing_number, party.account_number)

    def _transfer_of(self, instruction: Instruction, received_at_us: int) -> dict[str, Any]:
        script = script_of(instruction.debit, instruction.credit)
        settles_us = settles_at_us(instruction, received_at_us=received_at_us, speed=self._speed)
        returns_us = None
        if script.scenario in RETURNING:
            returns_us = returns_at_us(instruction, settled_at_us=settles_us, speed=self._speed)
        return {
            "reference": instruction.reference,
            "payment_key": instruction.payment_key,
            "rail": instruction.rail.value,
            "amount_minor": instruction.amount_minor,
            "currency": instruction.currency,
            "debit_hash": self._hash(instruction.debit),
            "credit_hash": self._hash(instruction.credit),
            "scenario": script.scenario.value,
            "code": script.code,
            "received_at_us": received_at_us,
            "settles_at_us": settles_us,
            "returns_at_us": returns_us,
            "next_at_us": None if script.scenario is Scenario.NEVER_HEARD_OF else settles_us,
        }

    def _standings(self, references: Sequence[str]) -> dict[str, Answer]:
        known: dict[str, Answer] = {}
        for row in self._connection.execute(_SQL["standings"], (json.dumps(list(references)),)):
            reference = row["reference"]
            if row["sequence"] is not None and row["is_withheld"]:
                known[reference] = Answer(reference=reference, standing=Standing.UNCLEAR)
            elif row["sequence"] is not None:
                before = known[reference].outcomes if reference in known else ()
                outcomes = (*before, _outcome(row))
                known[reference] = Answer(reference=reference, standing=Standing.DECIDED, outcomes=outcomes)
            elif row["scenario"] in TELLS_NOTHING:
                known[reference] = Answer(reference=reference, standing=Standing.UNCLEAR)
            else:
                known[reference] = Answer(reference=reference, standing=Standing.IN_PROGRESS)
        unheard = {
            reference: Answer(reference=reference, standing=Standing.NOT_RECEIVED)
            for reference in references
            if reference not in known
        }
        return known | unheard


def _accounts_of(instructions: Sequence[Instruction], transfers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the accounts of some transfers, each once."""
    accounts: dict[bytes, dict[str, Any]] = {}
    for instruction, transfer in zip(instructions, transfers, strict=True):
        for side, party in (("debit_hash", instruction.debit), ("credit_hash", instruction.credit)):
            number_hash = transfer[side]
            if number_hash not in accounts:
                accounts[number_hash] = {
                    "number_hash": number_hash,
                    "routing_number": party.routing_number,
                    "last4": party.account_number[-4:],
                    "holder": party.holder,
                    "account_type": party.account_type.value,
                    "opened_at_us": transfer["received_at_us"],
                }
    return list(accounts.values())


def _new_standing(transfer: Mapping[str, Any]) -> Answer:
    """Return how a transfer stands that was just taken: as asking would tell."""
    is_unclear = transfer["scenario"] in TELLS_NOTHING
    standing = Standing.UNCLEAR if is_unclear else Standing.IN_PROGRESS
    return Answer(reference=transfer["reference"], standing=standing)


def bank_reference(transfer_id: int) -> str:
    """Return the bank's own number of a transfer."""
    return f"SIM{transfer_id:012d}"


def _outcome(row: sqlite3.Row) -> Outcome:
    reference = row["reference"]
    assert Reference.parse(reference), "nothing else was taken"
    return Outcome(
        reference=reference,
        payment_key=row["payment_key"],
        result=Result(row["result"]),
        amount_minor=row["amount_minor"],
        occurred_at_us=row["occurred_at_us"],
        bank_reference=bank_reference(row["transfer_id"]),
        code=row["code"],
        reason=row["reason"],
    )
