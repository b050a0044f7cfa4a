"""What a payment's body asks for."""

from __future__ import annotations

from typing import Any

import pytest

from ingest_api.bodies import JsonNumber
from ingest_api.payment_orders import payment_order
from payments.commands import InitiatePayment
from payments.refusals import InvalidCommand

BODY = {
    "payer_account_id": "6a5b1c1e-0d5f-4c55-9d4e-111111111111",
    "payee_account_id": "6a5b1c1e-0d5f-4c55-9d4e-222222222222",
    "amount": "1500.00",
    "payment_rail_type": "instant",
}


def _order(**changes: Any) -> InitiatePayment:
    return payment_order(BODY | changes, "rent-1", tenant_id="acme", now_us=1_790_000_000_000_000)


@pytest.mark.parametrize("changes", [{}, {"currency": None}, {"currency": "USD"}])
def test_dollars_are_meant_where_no_currency_is_named(changes: dict[str, Any]) -> None:
    assert _order(**changes).currency == "USD"


@pytest.mark.parametrize("currency", ["", " ", "usd", "EUR", JsonNumber("840"), False, [], {}])
def test_a_currency_that_is_named_must_be_dollars(currency: Any) -> None:
    with pytest.raises(InvalidCommand) as refused:
        _order(currency=currency)
    assert [error.field for error in refused.value.errors] == ["currency"]
