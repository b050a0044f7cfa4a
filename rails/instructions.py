"""What the bank is told of a processing payment. Only here are account numbers opened."""

from __future__ import annotations

import msgspec

from directory.register import Register
from directory.sealing import Keyring
from payments.payment import EventType, Payment, Status
from rails.bank import Instruction, Party, Reference


class CannotInstruct(Exception):
    """An account of a claimed payment is not known here, or its numbers do not open."""


class AccountNumbers(msgspec.Struct, frozen=True):
    """The sealed secret of a bank account, opened. It has no repr: a number must not reach a log by accident."""

    routing_number: str
    account_number: str

    def __repr__(self) -> str:
        return "AccountNumbers(...)"


_numbers = msgspec.json.Decoder(AccountNumbers)


def instruct(payment: Payment, register: Register, keyring: Keyring) -> Instruction:
    """Return the instruction of the payment's present attempt, or raise CannotInstruct or CannotOpen."""
    assert payment.status is Status.PROCESSING, "only a committed claim is handed to the bank"
    head = payment.head
    return Instruction(
        reference=str(Reference(payment_id=payment.payment_id, attempt=payment.attempt)),
        payment_key=head.key,
        rail=head.payment_rail_type,
        amount_minor=head.amount_minor,
        currency=head.currency,
        debit=_party(head.payer_account_id, register, keyring),
        credit=_party(head.payee_account_id, register, keyring),
        claimed_at_us=claimed_at_us(payment),
        settle_by_us=head.expected_settlement_at_us,
        is_refund=head.refund_of is not None,
    )


def claimed_at_us(payment: Payment) -> int:
    """Return when the present attempt was claimed."""
    claims = (each for each in reversed(payment.transitions) if each.event_type is EventType.PROCESSING)
    return next(claims).occurred_at_us


def _party(account_id: str, register: Register, keyring: Keyring) -> Party:
    entry, sealed = register.get(account_id), register.secret(account_id)
    if entry is None or sealed is None or entry.account_holder_name is None or entry.account_type is None:
        raise CannotInstruct(f"account {account_id} is not known here")
    try:
        numbers = _numbers.decode(keyring.open(account_id, sealed))
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not the decoder's own words: they may quote what was decoded.
        raise CannotInstruct(f"the sealed numbers of account {account_id} cannot be read") from None
    return Party(
        holder=entry.account_holder_name,
        routing_number=numbers.routing_number,
        account_number=numbers.account_number,
        account_type=entry.account_type,
    )
