"""The examples of the API's description: they name real ids, so that each works as shown, from top to bottom.

A user's id follows from the e-mail, everything else's from its idempotency key, a payment's too. That is why the ids
can be written down before anything exists, and why executing an example again only replays it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from directory.entities import Kind, keyed_id, user_id
from ingest_api.creation import OPERATOR
from payments.idempotency import payment_id
from schemas.reconciliation import id_of

ALICE = "alice@landlord.com"
BOB = "bob@renter.com"
EXAMPLE_TENANT = "example-tenant"
# Of a day before any payment: what was paid on a day and is in no statement of it would be found missing.
EXAMPLE_DAY = "2025-02-20"
EXAMPLE_ACCOUNT = "EXAMPLE1"
EXAMPLE_STATEMENT = f"""\
row,account,statement_id,currency,date,value_date,direction,amount,reversal,transaction_code,end_to_end_id,reference,\
trace_number,return_reason,text,message_id,payment_information_id,count
opening,{EXAMPLE_ACCOUNT},{EXAMPLE_ACCOUNT}-1,USD,{EXAMPLE_DAY},,credit,100.00,,,,,,,,,,
closing,,,,{EXAMPLE_DAY},,credit,85.00,,,,,,,,,,
entry,,,,{EXAMPLE_DAY},{EXAMPLE_DAY},debit,15.00,,,,FEE-1,,,account fee,,,
end,,,,,,,,,,,,,,,,,1
file,,,,,,,,,,,,,,,,,1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Example bodies and ids for one tenant; `today` decides which month's rent is ordered ahead."""

    tenant_id: str
    today: date

    @property
    def alice_id(self) -> str:
        return user_id(self.tenant_id, ALICE)

    @property
    def bob_id(self) -> str:
        return user_id(self.tenant_id, BOB)

    @property
    def alice_account_id(self) -> str:
        return keyed_id(self.tenant_id, Kind.BANK_ACCOUNT, "example-account-alice")

    @property
    def bob_account_id(self) -> str:
        return keyed_id(self.tenant_id, Kind.BANK_ACCOUNT, "example-account-bob")

    @property
    def property_id(self) -> str:
        return keyed_id(self.tenant_id, Kind.PROPERTY, "example-property")

    @property
    def lease_id(self) -> str:
        return keyed_id(self.tenant_id, Kind.LEASE, "example-lease")

    @property
    def payment_id(self) -> str:
        return payment_id(self.tenant_id, self.payment["idempotency_key"])

    @property
    def api_key_id(self) -> str:
        return keyed_id(OPERATOR, Kind.API_KEY, self.api_key["idempotency_key"])

    @property
    def statement(self) -> str:
        """A day on which the bank booked nothing but its fee."""
        return EXAMPLE_STATEMENT

    @property
    def item_id(self) -> str:
        """The id of what is found of that fee."""
        return id_of([self.tenant_id, EXAMPLE_ACCOUNT, "USD", EXAMPLE_DAY, -1500, 0, None, "FEE-1", None, None, 1])

    @property
    def resolution(self) -> dict[str, Any]:
        return {"resolution": "accepted", "note": "The account's monthly fee."}

    @property
    def landlord(self) -> dict[str, Any]:
        return {
            "idempotency_key": "example-alice",
            "email": ALICE,
            "password": "correct horse battery staple",
            "role": "landlord",
            "name": "Alice",
        }

    @property
    def renter(self) -> dict[str, Any]:
        return {
            "idempotency_key": "example-bob",
            "email": BOB,
            "password": "another good password",
            "role": "renter",
            "name": "Bob",
        }

    @property
    def landlord_account(self) -> dict[str, Any]:
        return {
            "idempotency_key": "example-account-alice",
            "user_id": self.alice_id,
            "account_holder_name": "Alice",
            "routing_number": "231380104",
            "account_number": "4400128875",
            "account_type": "checking",
        }

    @property
    def renter_account(self) -> dict[str, Any]:
        return {
            "idempotency_key": "example-account-bob",
            "user_id": self.bob_id,
            "account_holder_name": "Bob",
            "routing_number": "121042882",
            "account_number": "9876543210",
            "account_type": "checking",
        }

    @property
    def home(self) -> dict[str, Any]:
        return {"idempotency_key": "example-property", "owner_id": self.alice_id, "address": "123 Oak Street"}

    @property
    def lease(self) -> dict[str, Any]:
        return {
            "idempotency_key": "example-lease",
            "property_id": self.property_id,
            "renter_id": self.bob_id,
            "rent_amount": "1500.00",
            "due_day": 1,
            "start_date": "2025-02-15",
            "late_fee": "50.00",
        }

    @property
    def payment(self) -> dict[str, Any]:
        return {
            "idempotency_key": "payment-march-001",
            "lease_id": self.lease_id,
            "payer_account_id": self.bob_account_id,
            "payee_account_id": self.alice_account_id,
            "amount": 1500.00,
            "payment_rail_type": "standard_ach",
        }

    @property
    def coming_month(self) -> date:
        """The first day of the next month."""
        year, month = divmod(self.today.year * 12 + self.today.month, 12)
        return date(year, month + 1, 1)

    @property
    def coming_rent(self) -> dict[str, Any]:
        """Next month's rent, ordered now: no rail takes it before its day, so that it can be cancelled until then."""
        month = self.coming_month
        return self.payment | {
            "idempotency_key": f"rent-{month:%Y-%m}",
            "amount": "1500.00",
            "effective_date": month.isoformat(),
            "description": f"Rent of {month:%Y-%m}",
        }

    @property
    def coming_rent_id(self) -> str:
        return payment_id(self.tenant_id, self.coming_rent["idempotency_key"])

    @property
    def cancel_key(self) -> str:
        return f"cancel-{self.coming_rent['idempotency_key']}"

    @property
    def batch(self) -> list[dict[str, Any]]:
        return [self.coming_rent, self.deposit]

    @property
    def deposit(self) -> dict[str, Any]:
        return self.payment | {
            "idempotency_key": "key-deposit-001",
            "amount": "25.00",
            "payment_rail_type": "instant",
            "description": "Deposit for a key",
            "metadata": {"key_number": "17"},
        }

    @property
    def deposit_id(self) -> str:
        return payment_id(self.tenant_id, self.deposit["idempotency_key"])

    @property
    def refund(self) -> dict[str, Any]:
        return {"idempotency_key": "key-deposit-001-back", "amount": "20.00", "description": "The key is scratched"}

    @property
    def endpoint_id(self) -> str:
        return keyed_id(self.tenant_id, Kind.WEBHOOK_ENDPOINT, self.endpoint["idempotency_key"])

    @property
    def endpoint(self) -> dict[str, Any]:
        return {
            "idempotency_key": "example-endpoint",
            "url": "https://example.com/hooks",
            "events": ["payment_completed", "payment_returned"],
        }

    @property
    def endpoint_change(self) -> dict[str, Any]:
        return {"idempotency_key": "example-endpoint-off", "enabled": False}

    @property
    def rotation_key(self) -> str:
        return "example-endpoint-rotation"

    @property
    def replay(self) -> dict[str, Any]:
        return {"idempotency_key": "example-endpoint-replay", "failed_only": True}

    @property
    def old_endpoint_id(self) -> str:
        return keyed_id(self.tenant_id, Kind.WEBHOOK_ENDPOINT, self.old_endpoint["idempotency_key"])

    @property
    def old_endpoint(self) -> dict[str, Any]:
        return {
            "idempotency_key": "example-old-endpoint",
            "url": "https://example.com/old-hooks",
            "enabled": False,
        }

    @property
    def tenant(self) -> dict[str, Any]:
        return {"idempotency_key": "example-tenant", "id": EXAMPLE_TENANT, "name": "Example Homes"}

    @property
    def api_key(self) -> dict[str, Any]:
        return {
            "idempotency_key": "example-api-key",
            "tenant_id": EXAMPLE_TENANT,
            "name": "reporting",
            "scopes": ["read"],
        }


def prepared(tenant_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (path, body) of the renter, his account, and a webhook endpoint to be deleted.

    A reader who executes each operation's first example creates the landlord and her account only; whoever prepares the
    tenant of the examples sends these, so that the lease and the payment have their other side, and what is deleted is
    nothing that other examples need.
    """
    examples = Examples(tenant_id=tenant_id, today=date.min)
    return [
        ("/api/v1/users/", examples.renter),
        ("/api/v1/bank-accounts/", examples.renter_account),
        ("/api/v1/webhook-endpoints/", examples.old_endpoint),
    ]
