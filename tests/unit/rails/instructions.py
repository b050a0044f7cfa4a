"""Instructions for the tests of the bank."""

from __future__ import annotations

import uuid

from directory.entities import AccountType
from payments.rails import SECOND_US, TIMINGS, Rail
from rails.bank import Instruction, Party, Reference

CLAIMED_AT_US = 1_750_000_000_000_000
ROUTING_NUMBER = "121042882"


def party(account_number: str, holder: str = "Bob") -> Party:
    return Party(
        holder=holder, routing_number=ROUTING_NUMBER, account_number=account_number, account_type=AccountType.CHECKING
    )


def instruction(
    n: int = 1,
    *,
    debit: str = "987654321",
    credit: str = "123456789",
    rail: Rail = Rail.INSTANT,
    amount_minor: int = 150_000,
    claimed_at_us: int = CLAIMED_AT_US,
    initiated_before_us: int = 0,
    speed: float = 1.0,
    is_refund: bool = False,
) -> Instruction:
    """Instruction number `n`: its payment was initiated `initiated_before_us` before the claim."""
    most_us = int(TIMINGS[rail].settle_s_max * SECOND_US / speed)
    return Instruction(
        reference=str(Reference(payment_id=str(uuid.UUID(int=n)), attempt=1)),
        payment_key=f"acme:rent-{n}",
        rail=rail,
        amount_minor=amount_minor,
        currency="USD",
        debit=party(debit),
        credit=party(credit, "Alice"),
        claimed_at_us=claimed_at_us,
        settle_by_us=claimed_at_us - initiated_before_us + most_us,
        is_refund=is_refund,
    )
