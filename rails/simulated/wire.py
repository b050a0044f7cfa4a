"""The simulated bank's HTTP bodies: JSON of the port's own values, times in microseconds, amounts in cents.

What the bank is sent is held to its rules here; the values that it answers are the port's as they are.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from rails.bank import INSTRUCTIONS_MAX, QUESTIONS_MAX, Answer, Instruction, Party

TEXT_CHARACTERS_MAX = 600  # A payment's key is its longest: a tenant of 64, a colon, and a key of 255 characters.

Text = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
# As Reference writes it.
ReferenceText = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}:[1-9][0-9]?$")]
TimeUs = Annotated[int, Meta(ge=0, le=2**53)]


class SentParty(Party, frozen=True, kw_only=True, forbid_unknown_fields=True):
    holder: Text
    routing_number: Annotated[str, Meta(pattern=r"^[0-9]{9}$")]
    account_number: Annotated[str, Meta(pattern=r"^[0-9]{4,17}$")]


class SentInstruction(Instruction, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reference: ReferenceText
    payment_key: Text
    amount_minor: Annotated[int, Meta(ge=1, le=10**12)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    debit: SentParty
    credit: SentParty
    claimed_at_us: TimeUs
    settle_by_us: TimeUs


class SentTransfers(Struct, frozen=True, forbid_unknown_fields=True):
    # Read one by one: an instruction that breaks a rule is refused alone, and the others are taken.
    transfers: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=INSTRUCTIONS_MAX)]


class Named(Struct, frozen=True):
    reference: ReferenceText


class Questions(Struct, frozen=True, forbid_unknown_fields=True):
    references: Annotated[list[ReferenceText], Meta(min_length=1, max_length=QUESTIONS_MAX)]


class Answers(Struct, frozen=True):
    answers: list[Answer]
