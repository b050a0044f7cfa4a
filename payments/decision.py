"""What an order turns out to mean for a payment: it moves, it had moved before, or a rule says no."""

from __future__ import annotations

import msgspec

from payments.commands import Order
from payments.payment import Payment
from payments.refusals import Refusal


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The payment after the order: its last transition is to be written, and with it the orders that it has for others.

    They are the system's own, each under its own payment's key: a refund to be made, or what has become of one.
    """

    payment: Payment
    orders: tuple[Order, ...] = ()


class Unchanged(msgspec.Struct, frozen=True, kw_only=True):
    """The order had been heard before; nothing is to be written."""

    payment: Payment


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A rule says no; the payment, if there is one, stays as it was."""

    refusal: Refusal


Decision = Moved | Unchanged | Refused
