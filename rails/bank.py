"""The port to a bank: what the gateway may ask of one, in values that any adapter can carry.

An adapter promises three things. An instruction is taken at most once per reference, however often it is sent. What
was taken can be asked for by its reference, for ever. Outcomes are told in a feed whose order never changes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from directory.entities import AccountType
from payments.rails import Rail

INSTRUCTIONS_MAX = 500  # In one submit: about 250 KB, and a few milliseconds of one transaction at the bank.
QUESTIONS_MAX = 1000  # In one ask.
OUTCOMES_MAX = 1000  # In one page of the feed.

# A UUID without hyphens or with all four, a colon, the attempt (payments.commands.ATTEMPTS_MAX).
_REFERENCE = re.compile(
    r"([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12}):([1-9][0-9]?)", re.ASCII
)


class BankUnavailable(Exception):
    """The bank gave no answer. What was sent may or may not have arrived: only asking tells."""


class InvalidReference(ValueError):
    """Text that is no reference of ours."""


class Reference(Struct, frozen=True, kw_only=True):
    """What the bank knows an attempt by; attempts count from 1.

    Written `{payment_id}:{attempt}` without the id's hyphens: at most 35 characters, as many as ISO 20022 allows an
    end-to-end id. Earlier releases wrote the hyphens; what they have written is read as well.
    """

    payment_id: str
    attempt: int

    def __str__(self) -> str:
        return f"{self.payment_id.replace('-', '')}:{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference, or raise InvalidReference."""
        found = _REFERENCE.fullmatch(text)
        if found is None:
            raise InvalidReference(text)
        first, _, second, third, fourth, last, attempt = found.groups()
        return cls(payment_id=f"{first}-{second}-{third}-{fourth}-{last}", attempt=int(attempt))


class Party(Struct, frozen=True, kw_only=True):
    """One side of a transfer. The account number is in clear here and nowhere else, so it is kept out of every repr."""

    holder: str
    routing_number: str
    account_number: str
    account_type: AccountType

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class Instruction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Move `amount_minor` (cents) from `debit` to `credit`.

    `claimed_at_us` is when the payment was committed to this rail, `settle_by_us` when its settlement is expected.
    `is_refund`: it gives back an earlier payment. It is left out where it is false: a bank of an earlier release, which
    does not know it, takes payments as before.
    The bank gives `payment_key` back with every outcome, unchanged; an adapter to a bank that carries no such text
    keeps the mapping itself.
    """

    reference: str
    payment_key: str
    rail: Rail
    amount_minor: int
    currency: str
    debit: Party
    credit: Party
    claimed_at_us: int
    settle_by_us: int
    is_refund: bool = False


class Result(StrEnum):
    """How an instruction ended, in the words of `payments.commands.Report`."""

    SETTLED = "settled"
    REJECTED = "rejected"
    RETURNED = "returned"


class Outcome(Struct, frozen=True, kw_only=True):
    """One thing that happened to an instruction, at the bank's own time; `code` and `reason` say why it failed."""

    reference: str
    payment_key: str
    result: Result
    amount_minor: int
    occurred_at_us: int
    bank_reference: str
    code: str | None = None
    reason: str | None = None


class Standing(StrEnum):
    """What the bank says of a reference."""

    NOT_RECEIVED = "not_received"  # Nothing is or will be done under it: it may be sent.
    IN_PROGRESS = "in_progress"  # Taken, once; the outcome will come.
    DECIDED = "decided"  # Its outcomes are in the answer.
    REFUSED = "refused"  # Not taken, and never will be: the instruction itself is at fault.
    UNCLEAR = "unclear"  # The bank cannot tell. It must not be sent again.


class Answer(Struct, frozen=True, kw_only=True):
    """The bank's word on one reference; `code` and `reason` say why it was refused."""

    reference: str
    standing: Standing
    outcomes: tuple[Outcome, ...] = ()
    code: str | None = None
    reason: str | None = None


class OutcomePage(Struct, frozen=True, kw_only=True):
    """Outcomes in the feed's order, and the cursor behind the last of them."""

    outcomes: tuple[Outcome, ...]
    cursor: str


class Bank(Protocol):
    """A bank that moves money. Every method raises BankUnavailable when no answer came within the adapter's bound."""

    async def submit(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        """Hand over at most INSTRUCTIONS_MAX; answers by reference. One that is missing got no answer: ask about it."""
        ...

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        """Return the standing of at most QUESTIONS_MAX references; one that is missing got no answer."""
        ...

    async def outcomes(self, after: str, limit: int, wait_s: float) -> OutcomePage:
        """Return the outcomes behind cursor `after` ("" for the first), waiting up to `wait_s` for one to come."""
        ...
