"""Double-entry postings of each transition: debits equal credits, per transition, so the books balance at every commit.

A payment is a debit of the payer and a credit of the payee (Nacha's words). Between the two the money is in flight, on
the clearing account of its rail.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

import msgspec

from payments.fields import uuid_faults
from payments.payment import EventType, Head, Status, Transition
from payments.rails import RAILS

SUSPENSE = "suspense"
BANK_ACCOUNT = "bank_account:"


class Direction(StrEnum):
    """Which side of an account a posting is on."""

    DEBIT = "debit"
    CREDIT = "credit"


# Of a transfer: first the account that is debited. A member by its class's name is a call each time, in Python 3.11.
_SIDES = (Direction.DEBIT, Direction.CREDIT)


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger: `amount_minor` (cents, positive) on one side of `account`; `line` counts from 1."""

    line: int
    account: str
    direction: Direction
    amount_minor: int


def bank_account(account_id: str) -> str:
    """Return the ledger account of a payer's or payee's bank account."""
    return BANK_ACCOUNT + account_id


def clearing(rail: str) -> str:
    """Return the ledger account of the money in flight on one rail."""
    return f"clearing:{rail}"


def is_account(text: str) -> bool:
    """Say whether `text` names an account as the ledger does: `bank_account:<id>`, `clearing:<rail>` or `suspense`."""
    kind, _, name = text.partition(":")
    match kind:
        case "bank_account":
            return not uuid_faults(kind, name)
        case "clearing":
            return name in RAILS
        case _:
            return text == SUSPENSE


def postings(head: Head, transition: Transition) -> tuple[Posting, ...]:
    """Return the ledger lines of one transition, oldest first; empty where no money moves. They always sum to zero."""
    lines: list[Posting] = []
    for accounts in _transfers(head, transition):
        for account, direction in zip(accounts, _SIDES, strict=True):
            lines.append(
                Posting(line=len(lines) + 1, account=account, direction=direction, amount_minor=head.amount_minor)
            )
    debit = _SIDES[0]
    assert sum([p.amount_minor if p.direction is debit else -p.amount_minor for p in lines]) == 0
    return tuple(lines)


def _transfers(head: Head, transition: Transition) -> tuple[tuple[str, str], ...]:
    """Return the accounts that each movement of the amount debits and credits."""
    payer, payee = bank_account(head.payer_account_id), bank_account(head.payee_account_id)
    in_flight = clearing(head.payment_rail_type)
    match transition.event_type:
        case EventType.PROCESSING:
            return ((payer, in_flight),)
        case EventType.COMPLETED:
            return ((in_flight, payee),)
        case EventType.FAILED:
            # One that failed before it was claimed had moved nothing.
            return ((in_flight, payer),) if transition.previous_status is Status.PROCESSING else ()
        case EventType.RETURNED:
            return ((payee, in_flight), (in_flight, payer))
        case EventType.SUSPENSE_RECORDED:
            return ((in_flight, SUSPENSE),)
        case EventType.INITIATED | EventType.CANCELLED:
            return ()
        case EventType.REFUND_INITIATED | EventType.REFUNDED | EventType.REFUND_FAILED | EventType.REFUND_RETURNED:
            # A refund is a payment of its own, in the other direction: its own transitions move the money.
            return ()
        case _:
            assert_never(transition.event_type)
