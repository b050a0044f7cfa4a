"""A broken promise, with the payment that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Which promise was broken."""

    LOST = "lost"  # Accepted, and no payment is in the log.
    PHANTOM = "phantom"  # A payment that nobody asked for.
    OTHER_TERMS = "other_terms"  # The payment is not the one that its caller was told of.
    CREATED_TWICE = "created_twice"  # Two requests were told that they created the same payment.
    REFUSED_WRONGLY = "refused_wrongly"  # A sound request was refused for good.
    REFUSAL_BROKEN = "refusal_broken"  # What was refused took effect all the same.
    CANCEL_BROKEN = "cancel_broken"  # The payment did not go the way that its canceller was told.
    OVER_REFUNDED = "over_refunded"  # More was refunded, or reserved for refunds, than was paid.
    REFUND_DIFFERS = "refund_differs"  # A payment tells of a refund otherwise than the refund itself.
    RESERVED_LEFT = "reserved_left"  # An amount is reserved for a refund that has ended or was never made.
    DOUBLED_EVENT = "doubled_event"  # A transition is in the topic more than once.
    OUT_OF_ORDER = "out_of_order"  # A sequence is missing, or comes before its predecessor.
    FORKED = "forked"  # Two records of a payment tell its past differently.
    CHAIN_BROKEN = "chain_broken"  # A hash does not cover the transition and what came before.
    ILLEGAL_MOVE = "illegal_move"  # A transition that the lifecycle does not have.
    TIME_TURNED = "time_turned"  # A history's times do not increase.
    MISPLACED = "misplaced"  # A record stands under another key or on another partition than its payment's.
    VIEW_DIFFERS = "view_differs"  # A row of the views is not what the log says, is missing, or is too much.
    IMBALANCE = "imbalance"  # Ledger lines or balances do not sum to zero, or do not agree.
    LEDGER_DIFFERS = "ledger_differs"  # The lines of a transition are not those that it means.
    DOUBLE_TRANSFER = "double_transfer"  # The bank moved the money of one payment more than once.
    PAID_AND_CANCELLED = "paid_and_cancelled"  # The bank has a transfer of a payment that is cancelled.
    BANK_DIFFERS = "bank_differs"  # The bank's books tell another outcome or amount than the log.
    BANK_IMBALANCE = "bank_imbalance"  # The bank's own books do not balance.
    POISON_SWALLOWED = "poison_swallowed"  # A record that cannot be obeyed is not among the rejections.
    DOUBLED_REJECTION = "doubled_rejection"  # A refused record is among the rejections more than once.
    NOT_TERMINAL = "not_terminal"  # A payment that has not reached its end in time.
    NOT_RECOVERED = "not_recovered"  # A fault after which the stack did not work again in time.


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken promise: `payment_id` is None where no payment is to blame, `cents` the amount that is off, if any."""

    kind: Kind
    payment_id: str | None
    detail: str
    cents: int = 0
