"""Account numbers as the originator keeps them: sealed for the payment's reference, opened only to write a file."""

from __future__ import annotations

import msgspec

from directory.sealing import CannotOpen, Keyring, Sealed
from rails.bank import Instruction, Party
from schemas.origination import AchParty, AchPayment


class PartyNumbers(msgspec.Struct, frozen=True):
    """Routing and account number of one side. It has no repr: a number must not reach a log by accident."""

    routing_number: str
    account_number: str

    def __repr__(self) -> str:
        return "PartyNumbers(...)"


class Numbers(msgspec.Struct, frozen=True):
    payer: PartyNumbers
    payee: PartyNumbers


_numbers = msgspec.json.Decoder(Numbers)


def seal_numbers(instruction: Instruction, keyring: Keyring, nonce: bytes) -> Sealed:
    """Return both parties' numbers, sealed for the instruction's reference; `nonce` must be fresh random bytes."""
    numbers = Numbers(payer=_numbers_of(instruction.debit), payee=_numbers_of(instruction.credit))
    return keyring.seal(instruction.reference, msgspec.json.encode(numbers), nonce)


def account_hashes(party: Party, keyring: Keyring) -> tuple[bytes, ...]:
    """Return keyed hashes (32 bytes) by which an account is known again, the current key's first."""
    return keyring.digests(f"ach account {party.routing_number}:{party.account_number}".encode())


def instruction_of(payment: AchPayment, keyring: Keyring) -> Instruction:
    """Return the instruction as it was taken, numbers in clear; raises CannotOpen."""
    try:
        numbers = _numbers.decode(keyring.open(payment.reference, payment.numbers))
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not the decoder's own words: they may quote what was decoded.
        raise CannotOpen(f"the sealed numbers of {payment.reference} cannot be read") from None
    return Instruction(
        reference=payment.reference,
        payment_key=payment.payment_key,
        rail=payment.rail,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        debit=_party(payment.payer, numbers.payer),
        credit=_party(payment.payee, numbers.payee),
        claimed_at_us=payment.claimed_at_us,
        settle_by_us=payment.settle_by_us,
        is_refund=payment.is_refund,
    )


def _numbers_of(party: Party) -> PartyNumbers:
    return PartyNumbers(routing_number=party.routing_number, account_number=party.account_number)


def _party(party: AchParty, numbers: PartyNumbers) -> Party:
    return Party(
        holder=party.holder,
        routing_number=numbers.routing_number,
        account_number=numbers.account_number,
        account_type=party.account_type,
    )
