"""A planned payment as the commands that ask for it."""

from __future__ import annotations

from cli.demo_year.data_set import TENANT, DataSet, microseconds
from cli.demo_year.furnishing import Furnishing
from cli.demo_year.planned import Kind, Planned
from payments.commands import CancelPayment, InitiatePayment
from payments.idempotency import canonical_json

WORDS = {
    Kind.RENT: "Rent",
    Kind.DEPOSIT: "Security deposit",
    Kind.DEPOSIT_BACK: "Security deposit, returned",
    Kind.FEE: "Fee",
    Kind.UTILITIES: "Utilities",
    Kind.REPAIR: "Repair",
}


class Orders:
    """Makes commands; the same plan gives the same bytes, whenever it is sent."""

    def __init__(self, data: DataSet, furnishing: Furnishing) -> None:
        self._data = data
        self._furnishing = furnishing

    def pay(self, planned: Planned) -> InitiatePayment:
        renter = self._furnishing.renter_account(planned.tenancy, planned.account)
        landlord = self._furnishing.landlord_account(planned.tenancy)
        is_back = planned.kind is Kind.DEPOSIT_BACK
        notes = {"kind": planned.kind.value, "data_set": self._data.name}
        if planned.due_date is not None:
            notes["due_date"] = planned.due_date.isoformat()
        return InitiatePayment(
            command_id=self._furnishing.command_id(f"pay {planned.word}"),
            tenant_id=TENANT,
            idempotency_key=self._data.key(planned.word),
            lease_id=self._furnishing.lease(planned.tenancy),
            payer_account_id=landlord if is_back else renter,
            payee_account_id=renter if is_back else landlord,
            amount_minor=planned.amount_minor,
            payment_rail_type=planned.rail.value,
            description=_description(planned),
            metadata_json=canonical_json(notes),
            effective_date=None if planned.effective_date is None else planned.effective_date.isoformat(),
            requested_at_us=microseconds(planned.at),
        )

    def cancel(self, planned: Planned) -> CancelPayment:
        assert planned.cancel_at is not None
        return CancelPayment(
            tenant_id=TENANT,
            idempotency_key=self._data.key(planned.word),
            cancel_key=self._data.key(f"cancel {planned.word}"),
            requested_at_us=microseconds(planned.cancel_at),
        )


def _description(planned: Planned) -> str:
    words = WORDS[planned.kind]
    return words if planned.due_date is None else f"{words} {planned.due_date:%B %Y}"
