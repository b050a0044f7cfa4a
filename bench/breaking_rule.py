"""A rule that raises for some orders, as a defect in a rule would: the exception that an agent must survive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from payments.commands import InitiatePayment

BREAKS = "breaks the rule"


class RuleBroke(Exception):
    """What the broken rule raises."""


def breaking(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Return `rule`, but raising for payments whose description asks for it."""

    def broken(order: Any, payment: Any, **more: Any) -> Any:
        if isinstance(order, InitiatePayment) and order.description == BREAKS:
            raise RuleBroke(order.payment_id)
        return rule(order, payment, **more)

    return broken
