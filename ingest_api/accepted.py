"""Payments that this process has accepted a moment ago and that the views may not show yet."""

from __future__ import annotations

from collections import OrderedDict

from ingest_api.refund_orders import AskedRefund
from payments.commands import InitiatePayment

REMEMBERED_MAX = 10_000  # Some 20 MB at worst: what a process takes in the seconds that the views may lag.


# A refund is a payment too.
Accepted = InitiatePayment | AskedRefund


class AcceptedPayments:
    """The newest commands that were acknowledged by the log and answered 202, by payment id."""

    def __init__(self) -> None:
        self._orders: OrderedDict[str, Accepted] = OrderedDict()

    def remember(self, order: Accepted) -> None:
        """Keep the first command of a payment: a later one with another body will be refused."""
        known = self._orders.get(order.payment_id)
        # A refund that was refused may be asked for again with its key: then the newest decides.
        if known is None or known.fingerprint == order.fingerprint:
            self._orders[order.payment_id] = order
        if len(self._orders) > REMEMBERED_MAX:
            self._orders.popitem(last=False)

    def forget(self, payment_id: str) -> None:
        """The views show it, or why it was refused: nothing else is true of it from now on."""
        self._orders.pop(payment_id, None)

    def get(self, tenant_id: str, payment_id: str) -> Accepted | None:
        """Return the tenant's command; another tenant's is as unknown as one that never was."""
        order = self._orders.get(payment_id)
        return order if order is not None and order.tenant_id == tenant_id else None
