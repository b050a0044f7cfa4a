"""The year's people, accounts, homes and leases as directory commands, dated when they would have come to DirectPay."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from random import Random

from argon2 import PasswordHasher

from cli.demo_year.data_set import TENANT, DataSet, microseconds
from cli.demo_year.people import CITIES, FIRST_NAMES, LAST_NAMES, ROUTING_NUMBERS, STREETS
from cli.demo_year.tenancies import Account, Tenancy
from directory.changes import Action, DirectoryCommand
from directory.entities import AccountType, BankAccount, Entity, Kind, Lease, Property, Role, User
from directory.sealing import NONCE_BYTES, Keyring
from payments.idempotency import canonical_json

PASSWORD = "demo"  # noqa: S105  Of people who do not exist, on a machine of one's own.
BEFORE_THE_YEAR = timedelta(days=7)  # Who rents already comes in the week before.
BEFORE_A_LEASE = timedelta(days=14)

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "directpay-demo-data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A landlord or a renter."""

    id: str
    email: str
    name: str


class Furnishing:
    """Makes the commands, and knows the ids. One password hash serves all: argon2 takes 50 ms each."""

    def __init__(self, data: DataSet, keyring: Keyring) -> None:
        self._data = data
        self._keyring = keyring

    def commands(self, tenancies: Sequence[Tenancy]) -> Iterator[DirectoryCommand]:
        """Yield what makes everything that the tenancies need, each thing once, those before it that it refers to."""
        landlords: set[int] = set()
        homes: set[int] = set()
        for tenancy in tenancies:
            at = self._registered(tenancy)
            if tenancy.landlord not in landlords:
                landlords.add(tenancy.landlord)
                yield from self._landlord(tenancy.landlord, at)
            if tenancy.home not in homes:
                homes.add(tenancy.home)
                yield self._home(tenancy, at)
            yield from self._renter(tenancy, at)
            yield self._lease(tenancy, at)

    def landlord_account(self, tenancy: Tenancy) -> str:
        return self._data.entity_id(Kind.BANK_ACCOUNT, f"landlord-{tenancy.landlord}")

    def renter_account(self, tenancy: Tenancy, account: Account) -> str:
        return self._data.entity_id(Kind.BANK_ACCOUNT, f"renter-{tenancy.number}-{account}")

    def lease(self, tenancy: Tenancy) -> str:
        return self._data.entity_id(Kind.LEASE, f"lease-{tenancy.number}")

    def command_id(self, what: str) -> str:
        """Return the id of a command: what is sent again is the same command."""
        return str(uuid.uuid5(_NAMESPACE, self._data.key(what)))

    def _registered(self, tenancy: Tenancy) -> datetime:
        chance = Random(f"{self._data.seed} registered {tenancy.number}")
        within = BEFORE_THE_YEAR * chance.random()
        return max(self._data.start - BEFORE_THE_YEAR, _midnight(tenancy.start) - BEFORE_A_LEASE) + within

    def _landlord(self, number: int, at: datetime) -> Iterator[DirectoryCommand]:
        person = self._person(Role.LANDLORD, number)
        yield self._user(person, Role.LANDLORD, at)
        chance = Random(f"{self._data.seed} landlord account {number}")
        account_number = str(chance.randrange(10**9, 10**11))
        yield self._account(f"landlord-{number}", person, account_number, at)

    def _renter(self, tenancy: Tenancy, at: datetime) -> Iterator[DirectoryCommand]:
        person = self._person(Role.RENTER, tenancy.number)
        yield self._user(person, Role.RENTER, at)
        chance = Random(f"{self._data.seed} renter account {tenancy.number}")
        main, other = (str(chance.randrange(10**9, 10**11)) for _ in range(2))
        yield self._account(f"renter-{tenancy.number}-{Account.MAIN}", person, main, at)
        match tenancy.second_account:
            case Account.REFUSED | Account.RETURNED as second:
                # What the simulated bank does with a transfer is in the account's number.
                series = "100" if second is Account.REFUSED else "200"
                number = series + (tenancy.second_code or "").removeprefix("R")
                yield self._account(f"renter-{tenancy.number}-{second}", person, number, at)
            case Account.CLOSED:
                what = f"renter-{tenancy.number}-{Account.CLOSED}"
                yield self._account(what, person, other, at)
                yield self._closed(what, at + timedelta(days=1))
            case _:
                return

    def _home(self, tenancy: Tenancy, at: datetime) -> DirectoryCommand:
        chance = Random(f"{self._data.seed} address {tenancy.home}")
        address = f"{chance.randint(1, 2999)} {chance.choice(STREETS)}, {chance.choice(CITIES)}"
        owner = self._person(Role.LANDLORD, tenancy.landlord)
        home = Property(owner_id=owner.id, address=address)
        return self._created(Kind.PROPERTY, f"home-{tenancy.home}", home, [owner.id, address], at)

    def _lease(self, tenancy: Tenancy, at: datetime) -> DirectoryCommand:
        lease = Lease(
            property_id=self._data.entity_id(Kind.PROPERTY, f"home-{tenancy.home}"),
            renter_id=self._person(Role.RENTER, tenancy.number).id,
            rent_amount_minor=tenancy.rent_minor,
            due_day=tenancy.due_day,
            # A lease that stood before has its rents in these books from the year's first day on: what was due before
            # that was paid elsewhere.
            start_date=max(tenancy.start, self._data.start.date()),
            end_date=tenancy.end,
        )
        end = None if tenancy.end is None else tenancy.end.isoformat()
        body = [
            lease.property_id, lease.renter_id, lease.rent_amount_minor, lease.due_day, lease.start_date.isoformat(),
            end, lease.terms_json,
        ]  # fmt: skip
        return self._created(Kind.LEASE, f"lease-{tenancy.number}", lease, body, at)

    def _user(self, person: Person, role: Role, at: datetime) -> DirectoryCommand:
        user = User(email=person.email, role=role, name=person.name)
        secret = {"password_hash": self._password_hash}
        body = [user.email, user.role, user.name, PASSWORD]
        return self._created(Kind.USER, person.email, user, body, at, entity_id=person.id, secret=secret)

    def _account(self, what: str, holder: Person, account_number: str, at: datetime) -> DirectoryCommand:
        entity_id = self._data.entity_id(Kind.BANK_ACCOUNT, what)
        chance = Random(f"{self._data.seed} bank of {what}")
        numbers = {"routing_number": chance.choice(ROUTING_NUMBERS), "account_number": account_number}
        account = BankAccount(
            user_id=holder.id,
            account_holder_name=holder.name,
            account_type=AccountType.SAVINGS if chance.random() < 0.1 else AccountType.CHECKING,
            token=f"acct_{uuid.UUID(entity_id).hex}",
            last4=account_number[-4:],
        )
        body = [holder.id, holder.name, *numbers.values(), account.account_type]
        return self._created(Kind.BANK_ACCOUNT, what, account, body, at, secret=numbers)

    def _closed(self, what: str, at: datetime) -> DirectoryCommand:
        return DirectoryCommand(
            command_id=self.command_id(f"close {what}"),
            action=Action.REVOKE,
            entity_id=self._data.entity_id(Kind.BANK_ACCOUNT, what),
            tenant_id=TENANT,
            kind=Kind.BANK_ACCOUNT,
            fingerprint=b"",
            requested_at_us=microseconds(at),
        )

    def _created(
        self,
        kind: Kind,
        what: str,
        entity: Entity,
        body: Sequence[object],
        at: datetime,
        *,
        entity_id: str | None = None,
        secret: dict[str, str] | None = None,
    ) -> DirectoryCommand:
        entity_id = entity_id or self._data.entity_id(kind, what)
        sealed = None
        if secret is not None:
            sealed = self._keyring.seal(entity_id, json.dumps(secret).encode(), os.urandom(NONCE_BYTES))
        return DirectoryCommand(
            command_id=self.command_id(f"{kind} {what}"),
            action=Action.CREATE,
            entity_id=entity_id,
            tenant_id=TENANT,
            kind=kind,
            fingerprint=self._keyring.digests(canonical_json([kind, *body]).encode())[0],
            requested_at_us=microseconds(at),
            entity=entity,
            sealed=sealed,
        )

    def _person(self, role: Role, number: int) -> Person:
        chance = Random(f"{self._data.seed} {role} {number}")
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        email = self._data.email(role, number, first, last)
        return Person(id=self._data.user_id(email), email=email, name=f"{first} {last}")

    @cached_property
    def _password_hash(self) -> str:
        return PasswordHasher().hash(PASSWORD)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
