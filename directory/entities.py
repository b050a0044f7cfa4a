"""The things that payments refer to, as values that refuse nonsense when they are built.

A tenant is a customer of DirectPay; everything else belongs to exactly one tenant. Ids are lowercase UUIDs, but for a
tenant's, which is chosen by the operator. Secrets are not here: they travel sealed (see `directory.sealing`).
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from directory.webhook_endpoint import WebhookEndpoint
from payments.fields import Faults, amount_faults, date_faults, fault, name_faults, uuid_faults
from payments.idempotency import is_clean_text
from payments.metadata import metadata_faults
from payments.refusals import FieldError, InvalidCommand

TEXT_CHARACTERS_MAX = 200
EMAIL_CHARACTERS_MAX = 254  # RFC 5321's limit for a path, less its brackets.
TERMS_BYTES_MAX = 8 * 1024
HINT_CHARACTERS_MAX = 4  # A hint tells keys apart; more of a key would help to guess it.

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "directpay-directory")
_TENANT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_LAST4 = re.compile(r"[0-9]{4}", re.ASCII)
_ROUTING_NUMBER = re.compile(r"[0-9]{9}", re.ASCII)
_ACCOUNT_NUMBER = re.compile(r"[0-9]{4,17}", re.ASCII)
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.]+(?:\.[^@\s\x00-\x1f\x7f.]+)+")
_ROUTING_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7)


class Kind(StrEnum):
    """What an entity is."""

    TENANT = "tenant"
    API_KEY = "api_key"
    USER = "user"
    BANK_ACCOUNT = "bank_account"
    PROPERTY = "property"
    LEASE = "lease"
    WEBHOOK_ENDPOINT = "webhook_endpoint"


class Role(StrEnum):
    """What a user does: a landlord owns properties and is paid, a renter has leases and pays."""

    LANDLORD = "landlord"
    RENTER = "renter"


class AccountType(StrEnum):
    """Nacha's two kinds of account; they decide the transaction codes."""

    CHECKING = "checking"
    SAVINGS = "savings"


class Scope(StrEnum):
    """What an API key may do."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A customer of DirectPay."""

    name: str

    def __post_init__(self) -> None:
        _refuse(name_faults("name", self.name, TEXT_CHARACTERS_MAX))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A caller's key, without the key: its hash travels sealed. `hint` is the last 4 characters."""

    name: str
    scopes: tuple[Scope, ...]
    hint: str

    def __post_init__(self) -> None:
        faults = name_faults("name", self.name, TEXT_CHARACTERS_MAX)
        if not self.scopes or len(set(self.scopes)) != len(self.scopes):
            faults += fault("scopes", "must name read, write or both, each once")
        faults += name_faults("hint", self.hint, HINT_CHARACTERS_MAX)
        _refuse(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A landlord or a renter. The e-mail is as given; its normal form decides the id."""

    email: str
    role: Role
    name: str | None

    def __post_init__(self) -> None:
        faults = name_faults("name", self.name, TEXT_CHARACTERS_MAX)
        if len(self.email) > EMAIL_CHARACTERS_MAX or not is_clean_text(self.email) or not _EMAIL.fullmatch(self.email):
            faults += fault("email", "must be an e-mail address such as alice@landlord.com")
        _refuse(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """A bank account by token and last 4 digits; its numbers travel sealed."""

    user_id: str
    account_holder_name: str
    account_type: AccountType
    token: str
    last4: str

    def __post_init__(self) -> None:
        faults = (
            *uuid_faults("user_id", self.user_id),
            *name_faults("account_holder_name", self.account_holder_name, TEXT_CHARACTERS_MAX),
            *name_faults("token", self.token, TEXT_CHARACTERS_MAX),
        )
        # Four digits and no more: this value is on an open topic, where a whole number must never be.
        if not _LAST4.fullmatch(self.last4):
            faults += fault("last4", "must be the last 4 digits of the account number")
        _refuse(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A place that is let."""

    owner_id: str
    address: str

    def __post_init__(self) -> None:
        _refuse(uuid_faults("owner_id", self.owner_id) + name_faults("address", self.address, TEXT_CHARACTERS_MAX))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who rents what, for how much (cents), due on which day. `terms_json` is what else was agreed, canonical JSON."""

    property_id: str
    renter_id: str
    rent_amount_minor: int
    due_day: int
    start_date: date
    end_date: date | None
    terms_json: str = "{}"

    def __post_init__(self) -> None:
        faults = (
            *uuid_faults("property_id", self.property_id),
            *uuid_faults("renter_id", self.renter_id),
            *amount_faults("rent_amount", self.rent_amount_minor),
            *metadata_faults("terms", self.terms_json, bytes_max=TERMS_BYTES_MAX),
            *date_faults("start_date", self.start_date.isoformat()),
            *date_faults("end_date", None if self.end_date is None else self.end_date.isoformat()),
        )
        if not 1 <= self.due_day <= 31:
            faults += fault("due_day", "must be from 1 to 31")
        if self.end_date is not None and self.end_date < self.start_date:
            faults += fault("end_date", "must not be before start_date")
        _refuse(faults)


Entity = Tenant | ApiKey | User | BankAccount | Property | Lease | WebhookEndpoint

KINDS: dict[type[Entity], Kind] = {
    Tenant: Kind.TENANT,
    ApiKey: Kind.API_KEY,
    User: Kind.USER,
    BankAccount: Kind.BANK_ACCOUNT,
    Property: Kind.PROPERTY,
    Lease: Kind.LEASE,
    WebhookEndpoint: Kind.WEBHOOK_ENDPOINT,
}


def user_id(tenant_id: str, email: str) -> str:
    """Return a user's id: an e-mail has one user per tenant, however it is capitalised or its accents are composed."""
    # Lower case, not case folding: folding makes one of names that mail servers tell apart (straße, strasse).
    normal = unicodedata.normalize("NFC", email.strip().lower())
    return str(uuid.uuid5(_NAMESPACE, f"{tenant_id}:user:{normal}"))


def keyed_id(tenant_id: str, kind: Kind, idempotency_key: str) -> str:
    """Return the id of an entity that was created under an idempotency key, so that a retry names the same one."""
    return str(uuid.uuid5(_NAMESPACE, f"{tenant_id}:{kind}-key:{idempotency_key}"))


def tenant_id_faults(field: str, text: str) -> Faults:
    """A tenant's id has 1 to 64 of a-z, 0-9, - and _, and so never a colon, which ends it in Kafka keys."""
    if _TENANT_ID.fullmatch(text):
        return ()
    return fault(field, "must be 1 to 64 of a-z, 0-9, - and _, the first a letter or digit")


def check_tenant_id(text: str) -> str:
    """Return a tenant id that keeps the rule of `tenant_id_faults`, or raise InvalidCommand."""
    _refuse(tenant_id_faults("id", text))
    return text


def account_number_errors(routing_number: str, account_number: str) -> list[FieldError]:
    """Return the faults of a routing and an account number.

    A routing number has 9 digits, the last a check digit (weights 3, 7, 1); a Nacha entry holds 17 characters of an
    account number.
    """
    errors = []
    if not _ROUTING_NUMBER.fullmatch(routing_number):
        errors.append(FieldError(field="routing_number", message="must be 9 digits"))
    elif check_digit(routing_number[:8]) != int(routing_number[8]):
        errors.append(FieldError(field="routing_number", message="its check digit is wrong"))
    if not _ACCOUNT_NUMBER.fullmatch(account_number):
        errors.append(FieldError(field="account_number", message="must be 4 to 17 digits"))
    return errors


def check_digit(first_eight: str) -> int:
    """Return the check digit of a routing number's first 8 digits: 23138010 -> 4."""
    total = sum(weight * int(digit) for weight, digit in zip(_ROUTING_WEIGHTS, first_eight, strict=True))
    return -total % 10


def _refuse(faults: Faults) -> None:
    if faults:
        raise InvalidCommand(faults)
