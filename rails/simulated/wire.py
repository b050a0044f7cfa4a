"""The simulated bank's HTTP bodies, for both ends of the line: JSON, times in microseconds, amounts in cents."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from directory.entities import AccountType
from payments.rails import Rail
from rails.bank import (
    INSTRUCTIONS_MAX,
    QUESTIONS_MAX,
    Answer,
    Instruction,
    Outcome,
    OutcomePage,
    Party,
    Result,
    Standing,
)

TEXT_CHARACTERS_MAX = 600  # A payment's key is its longest: a tenant of 64, a colon, and a key of 255 characters.

Text = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
ReferenceText = Annotated[str, Meta(pattern=r"^[0-9a-f-]{36}:[1-9][0-9]{0,8}$")]
TimeUs = Annotated[int, Meta(ge=0, le=2**53)]


class PartyBody(Struct, frozen=True, forbid_unknown_fields=True):
    holder: Text
    routing_number: Annotated[str, Meta(pattern=r"^[0-9]{9}$")]
    account_number: Annotated[str, Meta(pattern=r"^[0-9]{4,17}$")]
    account_type: AccountType

    def __repr__(self) -> str:
        """Show nothing: a repr ends up in logs, and an account number must not."""
        return "PartyBody(..)"


class TransferBody(Struct, frozen=True, forbid_unknown_fields=True):
    reference: ReferenceText
    payment_key: Text
    rail: Rail
    amount_minor: Annotated[int, Meta(ge=1, le=10**12)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    debit: PartyBody
    credit: PartyBody
    claimed_at_us: TimeUs
    settle_by_us: TimeUs


class TransfersBody(Struct, frozen=True, forbid_unknown_fields=True):
    # Read one by one: an instruction that breaks a rule is refused alone, and the others are taken.
    transfers: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=INSTRUCTIONS_MAX)]


class NamedBody(Struct, frozen=True):
    reference: ReferenceText


class QuestionsBody(Struct, frozen=True, forbid_unknown_fields=True):
    references: Annotated[list[ReferenceText], Meta(min_length=1, max_length=QUESTIONS_MAX)]


class OutcomeBody(Struct, frozen=True):
    reference: str
    payment_key: str
    result: Result
    amount_minor: int
    occurred_at_us: int
    bank_reference: str
    code: str | None = None
    reason: str | None = None


class AnswerBody(Struct, frozen=True):
    reference: str
    standing: Standing
    outcomes: list[OutcomeBody] = []
    code: str | None = None
    reason: str | None = None


class AnswersBody(Struct, frozen=True):
    answers: list[AnswerBody]


class OutcomesBody(Struct, frozen=True):
    outcomes: list[OutcomeBody]
    cursor: str


def transfer_body(instruction: Instruction) -> TransferBody:
    return TransferBody(
        reference=instruction.reference,
        payment_key=instruction.payment_key,
        rail=instruction.rail,
        amount_minor=instruction.amount_minor,
        currency=instruction.currency,
        debit=_party_body(instruction.debit),
        credit=_party_body(instruction.credit),
        claimed_at_us=instruction.claimed_at_us,
        settle_by_us=instruction.settle_by_us,
    )


def instruction(body: TransferBody) -> Instruction:
    return Instruction(
        reference=body.reference,
        payment_key=body.payment_key,
        rail=body.rail,
        amount_minor=body.amount_minor,
        currency=body.currency,
        debit=_party(body.debit),
        credit=_party(body.credit),
        claimed_at_us=body.claimed_at_us,
        settle_by_us=body.settle_by_us,
    )


def answer_body(answer: Answer) -> AnswerBody:
    return AnswerBody(
        reference=answer.reference,
        standing=answer.standing,
        outcomes=[outcome_body(outcome) for outcome in answer.outcomes],
        code=answer.code,
        reason=answer.reason,
    )


def answer(body: AnswerBody) -> Answer:
    return Answer(
        reference=body.reference,
        standing=body.standing,
        outcomes=tuple(outcome(each) for each in body.outcomes),
        code=body.code,
        reason=body.reason,
    )


def outcome_body(outcome: Outcome) -> OutcomeBody:
    return OutcomeBody(
        reference=outcome.reference,
        payment_key=outcome.payment_key,
        result=outcome.result,
        amount_minor=outcome.amount_minor,
        occurred_at_us=outcome.occurred_at_us,
        bank_reference=outcome.bank_reference,
        code=outcome.code,
        reason=outcome.reason,
    )


def outcome(body: OutcomeBody) -> Outcome:
    return Outcome(
        reference=body.reference,
        payment_key=body.payment_key,
        result=body.result,
        amount_minor=body.amount_minor,
        occurred_at_us=body.occurred_at_us,
        bank_reference=body.bank_reference,
        code=body.code,
        reason=body.reason,
    )


def outcome_page(body: OutcomesBody) -> OutcomePage:
    return OutcomePage(outcomes=tuple(outcome(each) for each in body.outcomes), cursor=body.cursor)


def _party_body(party: Party) -> PartyBody:
    return PartyBody(
        holder=party.holder,
        routing_number=party.routing_number,
        account_number=party.account_number,
        account_type=party.account_type,
    )


def _party(body: PartyBody) -> Party:
    return Party(
        holder=body.holder,
        routing_number=body.routing_number,
        account_number=body.account_number,
        account_type=body.account_type,
    )
