"""The things that payments refer to, as values that refuse nonsense when they are built.

A tenant is a customer of DirectPay; everything else belongs to exactly one tenant. Ids are lowercase UUIDs, but for a
tenant's, which is chosen by the operator. Secrets are not here: they travel sealed (see `directory.sealing`).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from payments.idempotency import is_clean_text
from payments.money import InvalidAmount, check_amount_minor
from payments.refusals import FieldError, InvalidCommand

TEXT_CHARACTERS_MAX = 200
EMAIL_CHARACTERS_MAX = 254  # RFC 5321's limit for a path, less its brackets.
TERMS_BYTES_MAX = 8 * 1024

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "directpay-directory")
_TENANT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
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
        _refuse(_text("name", self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A caller's key, without the key: its hash travels sealed. `hint` is the last 4 characters."""

    name: str
    scopes: tuple[Scope, ...]
    hint: str

    def __post_init__(self) -> None:
        errors = _text("name", self.name)
        if not self.scopes:
            errors.append(FieldError(field="scopes", message="must name at least one of read, write"))
        _refuse(errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A landlord or a renter. The e-mail is as given; its normal form decides the id."""

    email: str
    role: Role
    name: str | None

    def __post_init__(self) -> None:
        errors = []
        if len(self.email) > EMAIL_CHARACTERS_MAX or not is_clean_text(self.email) or not _EMAIL.fullmatch(self.email):
            errors.append(FieldError(field="email", message="must be an e-mail address such as alice@landlord.com"))
        if self.name is not None:
            errors.extend(_text("name", self.name))
        _refuse(errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """A bank account by token and last 4 digits; its numbers travel sealed."""

    user_id: str
    account_holder_name: str
    account_type: AccountType
    token: str
    last4: str

    def __post_init__(self) -> None:
        _refuse([*_uuid("user_id", self.user_id), *_text("account_holder_name", self.account_holder_name)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A place that is let."""

    owner_id: str
    address: str

    def __post_init__(self) -> None:
        _refuse([*_uuid("owner_id", self.owner_id), *_text("address", self.address)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who rents what, for how much (cents), due on which day. `terms_json` is whatever else was agreed, canonical JSON."""

    property_id: str
    renter_id: str
    rent_amount_minor: int
    due_day: int
    start_date: date
    end_date: date | None
    terms_json: str = "{}"

    def __post_init__(self) -> None:
        errors = [*_uuid("property_id", self.property_id), *_uuid("renter_id", self.renter_id)]
        try:
            check_amount_minor(self.rent_amount_minor)
        except InvalidAmount as error:
            errors.append(FieldError(field="rent_amount", message=str(error)))
        if not 1 <= self.due_day <= 31:
            errors.append(FieldError(field="due_day", message="must be from 1 to 31"))
        if self.end_date is not None and self.end_date < self.start_date:
            errors.append(FieldError(field="end_date", message="must not be before start_date"))
        if len(self.terms_json.encode()) > TERMS_BYTES_MAX:
            errors.append(FieldError(field="terms", message=f"must be at most {TERMS_BYTES_MAX} bytes as JSON"))
        _refuse(errors)


Entity = Tenant | ApiKey | User | BankAccount | Property | Lease

KINDS: dict[type[Entity], Kind] = {
    Tenant: Kind.TENANT,
    ApiKey: Kind.API_KEY,
    User: Kind.USER,
    BankAccount: Kind.BANK_ACCOUNT,
    Property: Kind.PROPERTY,
    Lease: Kind.LEASE,
}


def user_id(tenant_id: str, email: str) -> str:
    """Return a user's id: an e-mail has one user per tenant, however it is capitalised."""
    return str(uuid.uuid5(_NAMESPACE, f"{tenant_id}:user:{email.strip().casefold()}"))


def keyed_id(tenant_id: str, kind: Kind, idempotency_key: str) -> str:
    """Return the id of an entity that was created under an idempotency key, so that a retry names the same one."""
    return str(uuid.uuid5(_NAMESPACE, f"{tenant_id}:{kind}-key:{idempotency_key}"))


def check_tenant_id(text: str) -> str:
    """Return a tenant id (1 to 64 of a-z, 0-9, - and _, so never a colon), or raise InvalidCommand."""
    if not _TENANT_ID.fullmatch(text):
        raise InvalidCommand((FieldError(field="id", message="must be 1 to 64 of a-z, 0-9, - and _"),))
    return text


def account_number_errors(routing_number: str, account_number: str) -> list[FieldError]:
    """Return the faults of a routing and an account number.

    A routing number has 9 digits, the last a check digit (weights 3, 7, 1); a Nacha entry holds 17 of an account number.
    """
    errors = []
    if not re.fullmatch(r"[0-9]{9}", routing_number, re.ASCII):
        errors.append(FieldError(field="routing_number", message="must be 9 digits"))
    elif check_digit(routing_number[:8]) != int(routing_number[8]):
        errors.append(FieldError(field="routing_number", message="its check digit is wrong"))
    if not re.fullmatch(r"[0-9]{4,17}", account_number, re.ASCII):
        errors.append(FieldError(field="account_number", message="must be 4 to 17 digits"))
    return errors


def check_digit(first_eight: str) -> int:
    """Return the check digit of a routing number's first 8 digits: 23138010 -> 4."""
    total = sum(weight * int(digit) for weight, digit in zip(_ROUTING_WEIGHTS, first_eight, strict=True))
    return -total % 10


def _text(field: str, text: str) -> list[FieldError]:
    if not text.strip() or len(text) > TEXT_CHARACTERS_MAX or not is_clean_text(text):
        return [FieldError(field=field, message=f"must be 1 to {TEXT_CHARACTERS_MAX} characters of text")]
    return []


def _uuid(field: str, text: str) -> list[FieldError]:
    try:
        canonical = str(uuid.UUID(text))
    except ValueError:
        canonical = ""
    return [] if canonical == text else [FieldError(field=field, message="must be a lowercase UUID")]


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidCommand(tuple(errors))
