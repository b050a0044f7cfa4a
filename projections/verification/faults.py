"""What verification may find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Which promise does not hold. Those of a table are named for it."""

    UNREADABLE = "unreadable"  # A record of the log that this release cannot read.
    MISPLACED = "misplaced"  # A record under another key or on another partition than its payment's.
    REPEATED = "repeated"  # A transition that is in the log again, or after a later one.
    HISTORY = "history"  # A gap, a move that the lifecycle does not have, times that do not increase.
    CHAIN = "hash chain"  # A hash does not cover its transition and all before.
    PAYMENTS = "payments"
    EVENTS = "payment_events"
    ENTRIES = "ledger_entries"
    IMBALANCE = "imbalance"  # A payment whose debits and credits differ.
    BALANCES = "account_balances"
    SUMS = "sums"  # A rollup that is not what the rows behind it say.
    ENTITIES = "entities"
    OUTCOMES = "command_outcomes"
    DELIVERIES = "webhook_deliveries"
    POSITIONS = "offsets"  # What the database says of its own freshness cannot be.


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that does not hold. `subject` is the payment's id or, where there is none, entity, account or place."""

    kind: Kind
    subject: str
    detail: str
