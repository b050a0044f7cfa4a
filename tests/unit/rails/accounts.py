"""The March payment's two accounts, in a register."""

from __future__ import annotations

from dataclasses import replace

from directory.changes import DirectoryRecord, DirectorySecret, State
from directory.entities import AccountType, BankAccount, Kind
from directory.register import Register
from directory.sealing import Keyring
from tests.unit.payments.histories import MARCH, PAYEE, PAYER, T0_US

KEYRING = Keyring({"k1": bytes(range(32))})
ROUTING_NUMBER = "121042882"
NUMBERS = {PAYER: "55512348877", PAYEE: "44412348866"}


def record(account_id: str, *, tenant_id: str = MARCH.tenant_id) -> DirectoryRecord:
    entity = BankAccount(
        user_id="33333333-3333-4333-8333-333333333333",
        account_holder_name="Bob",
        account_type=AccountType.SAVINGS,
        token=f"ba_{account_id}",
        last4=NUMBERS[account_id][-4:],
    )
    return DirectoryRecord(
        entity_id=account_id,
        tenant_id=tenant_id,
        kind=Kind.BANK_ACCOUNT,
        state=State.ACTIVE,
        version=1,
        created_by=MARCH.command_id,
        changed_by=MARCH.command_id,
        fingerprint=b"f" * 32,
        created_at_us=T0_US,
        updated_at_us=T0_US,
        entity=entity,
    )


def secret(account_id: str, text: str | None = None) -> DirectorySecret:
    numbers = text or f'{{"routing_number":"{ROUTING_NUMBER}","account_number":"{NUMBERS[account_id]}"}}'
    sealed = KEYRING.seal(account_id, numbers.encode(), b"n" * 12)
    return DirectorySecret(entity_id=account_id, tenant_id=MARCH.tenant_id, kind=Kind.BANK_ACCOUNT, sealed=sealed)


def register() -> Register:
    known = Register()
    for account_id in (PAYER, PAYEE):
        known.apply_event(record(account_id))
        known.apply_secret(secret(account_id))
    return known


def revoke(known: Register, account_id: str) -> None:
    known.apply_event(replace(record(account_id), version=2, state=State.REVOKED))
