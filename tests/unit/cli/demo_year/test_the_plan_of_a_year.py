"""The plan of a year of payments: as many as asked for, in their time, near their due days, the same every time."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.demo_year.data_set import TENANT, DataSet
from cli.demo_year.furnishing import Furnishing
from cli.demo_year.orders import Orders
from cli.demo_year.planned import Fate, Kind, Planned, midnight_of
from cli.demo_year.rent import EARLIEST_DAYS, LATEST_DAYS
from cli.demo_year.tenancies import Account
from cli.demo_year.year import Step, Year
from directory.changes import Action
from directory.entities import BankAccount, Lease
from directory.entities import Kind as EntityKind
from directory.sealing import Keyring
from payments.payment import Status
from payments.rails import Rail
from payments.schedule import due_dates

KEYRING = Keyring({"k1": bytes(range(32))})
HOURS = st.integers(0, 10 * 365 * 24).map(lambda hours: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
DATA_SETS = st.builds(
    DataSet, seed=st.integers(0, 10**6), payments=st.integers(100, 400), months=st.integers(1, 24), until=HOURS
)
LAST_YEAR = DataSet(seed=6, payments=1000, months=12, until=datetime(2026, 11, 27, 10, tzinfo=UTC))


def plan(data: DataSet) -> list[tuple[Step, Planned]]:
    return list(Year(data).steps())


def payments(data: DataSet) -> list[Planned]:
    return [planned for step, planned in plan(data) if not step.is_cancel]


@settings(max_examples=30, deadline=None)
@given(DATA_SETS)
def test_there_are_as_many_as_asked_for_each_once_oldest_first_within_the_year(data: DataSet) -> None:
    steps = plan(data)
    asked = [planned for step, planned in steps if not step.is_cancel]
    assert len(asked) == len({each.word for each in asked}) == data.payments
    assert [step for step, _ in steps] == sorted(step for step, _ in steps)
    assert all(data.start <= each.at <= data.last for each in asked)
    cancels = {planned.word: step.at for step, planned in steps if step.is_cancel}
    assert cancels == {each.word: each.cancel_at for each in asked if each.cancel_at is not None}


@settings(max_examples=15, deadline=None)
@given(DATA_SETS)
def test_rent_is_paid_near_the_day_on_which_the_lease_says_that_it_is_due(data: DataSet) -> None:
    for each in payments(data):
        lease = each.tenancy
        if each.kind is not Kind.RENT:
            continue
        assert each.due_date is not None
        assert lease.is_let(each.due_date)
        assert each.due_date in due_dates(due_day=lease.due_day, start=each.due_date, end=each.due_date)
        assert timedelta(days=-EARLIEST_DAYS) <= each.at.date() - each.due_date <= timedelta(days=LATEST_DAYS)
        if each.effective_date is not None:
            assert each.effective_date == each.due_date
            assert each.at < (each.cancel_at or midnight_of(each)) <= midnight_of(each)


@settings(max_examples=15, deadline=None)
@given(DATA_SETS)
def test_nobody_pays_more_than_the_rent(data: DataSet) -> None:
    paid: dict[tuple[int, object], int] = defaultdict(int)
    for each in payments(data):
        if each.kind is Kind.RENT and each.account is Account.MAIN and each.cancel_at is None:
            paid[each.tenancy.number, each.due_date] += each.amount_minor
            assert paid[each.tenancy.number, each.due_date] <= each.tenancy.rent_minor
        assert 0 < each.amount_minor <= 1_000_000_00


@settings(max_examples=10, deadline=None)
@given(DATA_SETS)
def test_equal_options_give_an_equal_plan_with_the_same_commands(data: DataSet) -> None:
    again = DataSet(seed=data.seed, payments=data.payments, months=data.months, until=data.until)
    first, second = plan(data), plan(again)
    assert first == second
    orders, same = Orders(data, Furnishing(data, KEYRING)), Orders(again, Furnishing(again, KEYRING))
    assert [orders.pay(each) for _, each in first] == [same.pay(each) for _, each in second]


@settings(max_examples=15, deadline=None)
@given(DATA_SETS)
def test_only_what_is_scheduled_for_later_is_in_flight_when_the_year_ends(data: DataSet) -> None:
    for each in payments(data):
        fate = each.fate(data)
        if fate is None:
            assert each.effective_date is not None
            assert midnight_of(each) >= data.until
        elif each.effective_date is not None and fate.status is not Status.CANCELLED:
            assert midnight_of(each) <= data.last


@settings(max_examples=10, deadline=None)
@given(DATA_SETS)
def test_everything_that_a_payment_names_is_made_once_before_it_but_mistyped_accounts(data: DataSet) -> None:
    year, furnishing = Year(data), Furnishing(data, KEYRING)
    orders = Orders(data, furnishing)
    made, closed = {}, set()
    for command in furnishing.commands(year.tenancies):
        assert command.tenant_id == TENANT
        if command.action is Action.CREATE:
            assert command.entity_id not in made
            made[command.entity_id] = command
        else:
            assert command.entity_id in made
            closed.add(command.entity_id)
    for each in payments(data):
        order = orders.pay(each)
        for account in (order.payer_account_id, order.payee_account_id):
            assert (account in made) == (each.account is not Account.UNKNOWN or account != order.payer_account_id)
        assert (order.payer_account_id in closed) == (each.account is Account.CLOSED)
        lease = made[order.lease_id or ""]
        assert isinstance(lease.entity, Lease)
        assert lease.requested_at_us <= order.requested_at_us


def test_what_the_bank_does_with_an_account_is_in_its_number() -> None:
    year, furnishing = Year(LAST_YEAR), Furnishing(LAST_YEAR, KEYRING)
    numbers = {}
    for command in furnishing.commands(year.tenancies):
        if isinstance(command.entity, BankAccount):
            assert command.sealed is not None
            numbers[command.entity_id] = KEYRING.open(command.entity_id, command.sealed).decode()
    for tenancy in year.tenancies:
        for account, series in ((Account.REFUSED, "100"), (Account.RETURNED, "200")):
            if tenancy.second_account is account:
                number = f'"account_number": "{series}{(tenancy.second_code or "")[1:]}"'
                assert number in numbers[furnishing.renter_account(tenancy, account)]
        main = numbers[furnishing.renter_account(tenancy, Account.MAIN)]
        assert len(main) > len('{"routing_number": "121042882", "account_number": "123456789"}') - 1


def test_ids_do_not_depend_on_when_the_year_is_made() -> None:
    later = DataSet(seed=6, payments=1000, months=12, until=datetime(2027, 2, 3, 4, tzinfo=UTC))
    assert later.key("rent-1-2-0") == LAST_YEAR.key("rent-1-2-0")
    assert later.entity_id(EntityKind.LEASE, "lease-3") == LAST_YEAR.entity_id(EntityKind.LEASE, "lease-3")
    other = DataSet(seed=7, payments=1000, months=12, until=LAST_YEAR.until)
    assert other.key("rent-1-2-0") != LAST_YEAR.key("rent-1-2-0")


def test_a_year_has_something_of_everything() -> None:
    asked = payments(LAST_YEAR)
    fates = Counter(each.fate(LAST_YEAR) for each in asked)
    statuses = Counter(fate.status for fate in fates.elements() if fate is not None)
    assert statuses[Status.COMPLETED] > 850
    assert min(statuses[each] for each in (Status.FAILED, Status.RETURNED, Status.CANCELLED)) >= 5
    assert Fate(status=Status.FAILED, code="account_revoked") in fates
    assert Fate(status=Status.FAILED, code="R01") in fates
    assert {each.rail for each in asked} == set(Rail)
    late = [each for each in asked if each.due_date is not None and each.at.date() > each.due_date]
    assert 50 < len(late) < 400
    assert {each.kind for each in asked} >= {Kind.RENT, Kind.FEE, Kind.UTILITIES, Kind.REPAIR, Kind.DEPOSIT}


def test_a_year_begins_as_many_months_before_its_end() -> None:
    def start(until: datetime, months: int) -> datetime:
        return DataSet(seed=1, payments=100, months=months, until=until).start

    assert start(datetime(2026, 11, 27, 10, tzinfo=UTC), 12) == datetime(2025, 11, 27, tzinfo=UTC)
    assert start(datetime(2024, 2, 29, 0, tzinfo=UTC), 12) == datetime(2023, 2, 28, tzinfo=UTC)
    assert start(datetime(2026, 1, 31, 5, tzinfo=UTC), 2) == datetime(2025, 11, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="full hour"):
        DataSet(seed=1, payments=100, months=12, until=datetime(2026, 1, 1, 0, 1, tzinfo=UTC))
