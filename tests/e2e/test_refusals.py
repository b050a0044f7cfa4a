"""Bad requests: each gets the right 4xx, a problem document that names the field, none a 500; nothing is written."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from confluent_kafka.admin import AdminClient

from kafka_log.reader import ends
from schemas.topics import DIRECTORY_COMMANDS, PAYMENT_COMMANDS
from tests.e2e.tenancy import ROUTING_NUMBER, Tenancy

PAYMENTS = "/api/v1/payments/"
BATCH = "/api/v1/payments/batch"
USERS = "/api/v1/users/"
ACCOUNTS = "/api/v1/bank-accounts/"
PROPERTIES = "/api/v1/properties/"
LEASES = "/api/v1/leases/"
BALANCES = "/api/v1/balances/"
TENANTS = "/api/v1/tenants/"
KEYS = "/api/v1/api-keys/"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Ground:
    """Two tenants that must not meet, a key that may only read, and the operator's key."""

    own: Tenancy
    foreign: Tenancy
    read_only_key: str
    admin_key: str
    taken_email: str


@dataclass(frozen=True)
class Sent:
    """A request, or what differs from a good one: `changes` to the good body, or `content` as it stands."""

    path: str = PAYMENTS
    method: str = "POST"
    changes: Callable[[Ground], dict[str, Any]] | None = None
    without: tuple[str, ...] = ()
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    name: str
    sent: Sent
    status: int
    field: str | None = None
    also: tuple[str, ...] = ()


def payment(name: str, status: int, at: str | None, *also: str, without: str = "", **changes: Any) -> Case:
    sent = Sent(changes=lambda ground: _resolved(ground, changes), without=tuple(without.split()))
    return Case(f"payment: {name}", sent, status, at, also)


def on(path: str, name: str, status: int, at: str | None, *also: str, without: str = "", **changes: Any) -> Case:
    sent = Sent(path=path, changes=lambda ground: _resolved(ground, changes), without=tuple(without.split()))
    return Case(f"{path.split('/')[3]}: {name}", sent, status, at, also)


def raw(
    name: str, content: bytes, status: int, at: str | None = None, *, path: str = PAYMENTS, headers: Any = JSON
) -> Case:
    return Case(f"raw: {name}", Sent(path=path, content=content, headers=headers), status, at)


def get(name: str, path: str, status: int, at: str | None = None, *, method: str = "GET", **headers: str) -> Case:
    sent = Sent(path=path, method=method, headers={key.replace("_", "-"): value for key, value in headers.items()})
    return Case(f"{method.lower()}: {name}", sent, status, at)


def _resolved(ground: Ground, changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value(ground) if callable(value) else value for name, value in changes.items()}


def _amounts() -> Iterator[Case]:
    tokens = [
        "0", "0.00", "-1", "-0.01", "1000000.01", "0.001", "1.005", "NaN", "1e400", "1e3", "1E2", "true", "false",
        "null", "[]", "{}", '"12a"', '" 5"', '"5 "', '""', '"+5"', '"-5"', '"1,000.00"', '"１２"', '"٣٤"', '"1e3"',
        '"Infinity"', '"0x1F"', '"1_000"', '"5."', '"0"', "99999999999999999999999", '"1000000.01"', '"0.001"',
    ]  # fmt: skip
    for token in tokens:
        # NaN is no JSON at all; everything else is JSON with a value that is no amount.
        status, at = (400, None) if token == "NaN" else (422, "amount")
        accounts = f'"payer_account_id":"{UNKNOWN}","payee_account_id":"{UNKNOWN[:-1]}1"'
        body = f'{{"idempotency_key":"k",{accounts},"payment_rail_type":"instant","amount":{token}}}'
        yield raw(f"amount {token}", body.encode(), status, at)


CASES = [
    *_amounts(),
    payment("no amount", 422, "amount", without="amount"),
    payment("unknown lease", 422, "lease_id", lease_id=UNKNOWN),
    payment("foreign lease", 422, "lease_id", lease_id=lambda ground: ground.foreign.lease),
    payment("an account as lease", 422, "lease_id", lease_id=lambda ground: ground.own.payer),
    payment("lease that is no id", 422, "lease_id", lease_id="lease-1"),
    payment("unknown payer", 422, "payer_account_id", payer_account_id=UNKNOWN),
    payment("foreign payer", 422, "payer_account_id", payer_account_id=lambda ground: ground.foreign.payer),
    payment("a user as payer", 422, "payer_account_id", payer_account_id=lambda ground: ground.own.renter),
    payment("no payer", 422, "payer_account_id", without="payer_account_id"),
    payment("payer null", 422, "payer_account_id", payer_account_id=None),
    payment("payer a number", 422, "payer_account_id", payer_account_id=7),
    payment("payer with capitals", 422, "payer_account_id", payer_account_id=lambda ground: ground.own.payer.upper()),
    payment("payer with a lone surrogate", 422, "payer_account_id", payer_account_id="\ud800"),
    payment("unknown payee", 422, "payee_account_id", payee_account_id=UNKNOWN),
    payment("foreign payee", 422, "payee_account_id", payee_account_id=lambda ground: ground.foreign.payee),
    payment("payer is payee", 422, "payee_account_id", payee_account_id=lambda ground: ground.own.payer),
    payment("both unknown", 422, "payer_account_id", "payee_account_id", payer_account_id=UNKNOWN,
            payee_account_id=UNKNOWN[:-1] + "1"),
    payment("unknown rail", 422, "payment_rail_type", payment_rail_type="pigeon"),
    payment("rail with capitals", 422, "payment_rail_type", payment_rail_type="Instant"),
    payment("no rail", 422, "payment_rail_type", without="payment_rail_type"),
    payment("other currency", 422, "currency", currency="EUR"),
    payment("empty currency", 422, "currency", currency=""),
    payment("currency a number", 422, "currency", currency=840),
    payment("long description", 422, "description", description="x" * 501),
    payment("description with NUL", 422, "description", description="a\0b"),
    payment("description a list", 422, "description", description=["a"]),
    payment("metadata a list", 422, "metadata", metadata=[1]),
    payment("metadata too large", 422, "metadata", metadata={"a": "x" * 9000}),
    payment("metadata with NUL", 422, "metadata", metadata={"a": "\0"}),
    payment("metadata with a lone surrogate", 422, "metadata", metadata={"a": "\ud800"}),
    payment("metadata too deep", 422, "metadata", metadata=json.loads('{"a":' * 40 + "1" + "}" * 40)),
    payment("effective date that is none", 422, "effective_date", effective_date="2026-02-30"),
    payment("effective date with a time", 422, "effective_date", effective_date="2026-03-01T00:00:00Z"),
    payment("unknown member", 422, "amont", amont="5.00"),
    payment("a system's member", 422, "refund_of", refund_of=UNKNOWN),
    payment("many faults", 422, "amount", "currency", "payment_rail_type", "extra", amount=0, currency="EUR",
            payment_rail_type="x", extra=1),
    payment("no key", 400, "idempotency_key", without="idempotency_key"),
    payment("empty key", 400, "idempotency_key", idempotency_key=""),
    payment("long key", 400, "idempotency_key", idempotency_key="k" * 256),
    payment("key with a line break", 400, "idempotency_key", idempotency_key="a\nb"),
    payment("key a number", 400, "idempotency_key", idempotency_key=7),
    payment("the system's prefix", 400, "idempotency_key", idempotency_key="directpay:rent"),
    Case("payment: header and body keys differ", Sent(changes=lambda _: {}, headers={"Idempotency-Key": "other"}), 400,
         "idempotency_key"),
    Case("payment: header key not closed", Sent(changes=lambda _: {}, without=("idempotency_key",),
                                                headers={"Idempotency-Key": '"open'}), 400, "idempotency_key"),
    raw("empty", b"", 400),
    raw("half", b'{"amount": ', 400),
    raw("text", b"hello", 400),
    raw("a list", b"[]", 400),
    raw("a string", b'"x"', 400),
    raw("a member twice", b'{"amount": 1, "amount": 2}', 400),
    raw("not UTF-8", b'{"description": "\xff"}', 400),
    raw("nested without end", b"[" * 50_000, 400),
    raw("trailing comma", b'{"amount": 1,}', 400),
    raw("text/plain", b"{}", 415, headers={"Content-Type": "text/plain"}),
    raw("a form", b"amount=5", 415, headers={"Content-Type": "application/x-www-form-urlencoded"}),
    raw("no content type", b"{}", 415, headers={}),
    raw("packed", b"{}", 415, headers=JSON | {"Content-Encoding": "gzip"}),
    raw("10 MB", b'{"description": "' + b"x" * 10_000_000 + b'"}', 413),
    raw("300 KB", b'{"description": "' + b"x" * 300_000 + b'"}', 413),
    raw("1,000 unknown members", json.dumps({"idempotency_key": "k"} | {f"f{n}": n for n in range(1_000)}).encode(),
        422, "f0"),
    raw("batch of 10,001 lines", b"{}\n" * 10_001, 422, "payments", path=BATCH,
        headers={"Content-Type": "application/x-ndjson"}),
    raw("batch of empty lines", b"\n" * 1_000_000, 422, "payments", path=BATCH,
        headers={"Content-Type": "application/x-ndjson"}),
    raw("batch of 40 MB", b"[" + b" " * 40_000_000 + b"]", 413, path=BATCH),
    raw("batch that is an object", b"{}", 400, path=BATCH),
    raw("batch of 10,001", json.dumps([{}] * 10_001).encode(), 422, "payments", path=BATCH),
    on(USERS, "no e-mail", 422, "email", without="email"),
    on(USERS, "e-mail that is none", 422, "email", email="alice"),
    on(USERS, "e-mail with a space", 422, "email", email="alice @landlord.com"),
    on(USERS, "long e-mail", 422, "email", email="a" * 250 + "@b.com"),
    on(USERS, "e-mail with a lone surrogate", 422, "email", email="\ud800@b.com"),
    on(USERS, "taken e-mail", 409, "email", email=lambda ground: ground.taken_email),
    on(USERS, "taken e-mail in capitals", 409, "email", email=lambda ground: ground.taken_email.upper()),
    on(USERS, "unknown role", 422, "role", role="admin"),
    on(USERS, "no password", 422, "password", without="password"),
    on(USERS, "empty password", 422, "password", password=""),
    on(USERS, "long password", 422, "password", password="x" * 2000),
    on(USERS, "everything missing", 422, "email", "password", "role", without="email password role"),
    on(USERS, "unknown member", 422, "admin", admin=True),
    on(ACCOUNTS, "wrong check digit", 422, "routing_number", routing_number="121042883"),
    on(ACCOUNTS, "short routing number", 422, "routing_number", routing_number="12104288"),
    on(ACCOUNTS, "full-width routing number", 422, "routing_number", routing_number="１２１０４２８８２"),
    on(ACCOUNTS, "account number with letters", 422, "account_number", account_number="12345x"),
    on(ACCOUNTS, "account number a number", 422, "account_number", account_number=12345678),
    on(ACCOUNTS, "long account number", 422, "account_number", account_number="1" * 18),
    on(ACCOUNTS, "unknown type", 422, "account_type", account_type="gold"),
    on(ACCOUNTS, "unknown user", 422, "user_id", user_id=UNKNOWN),
    on(ACCOUNTS, "foreign user", 422, "user_id", user_id=lambda ground: ground.foreign.renter),
    on(ACCOUNTS, "empty holder", 422, "account_holder_name", account_holder_name=" "),
    on(PROPERTIES, "unknown owner", 422, "owner_id", owner_id=UNKNOWN),
    on(PROPERTIES, "foreign owner", 422, "owner_id", owner_id=lambda ground: ground.foreign.landlord),
    on(PROPERTIES, "owned by a renter", 422, "owner_id", owner_id=lambda ground: ground.own.renter),
    on(PROPERTIES, "no address", 422, "address", without="address"),
    on(LEASES, "unknown property", 422, "property_id", property_id=UNKNOWN),
    on(LEASES, "foreign property", 422, "property_id", property_id=lambda ground: ground.foreign.property),
    on(LEASES, "rented by a landlord", 422, "renter_id", renter_id=lambda ground: ground.own.landlord),
    on(LEASES, "due day 0", 422, "due_day", due_day=0),
    on(LEASES, "due day 32", 422, "due_day", due_day=32),
    on(LEASES, "due day 1.5", 422, "due_day", due_day=1.5),
    on(LEASES, "due day as text", 422, "due_day", due_day="1"),
    on(LEASES, "start that is no date", 422, "start_date", start_date="2025-02-30"),
    on(LEASES, "end before start", 422, "end_date", end_date="2025-02-14"),
    on(LEASES, "rent 0", 422, "rent_amount", rent_amount=0),
    on(LEASES, "terms with NUL", 422, "terms", note="a\0b"),
    get("no key", PAYMENTS, 401, Authorization=""),
    get("wrong key", PAYMENTS, 401, Authorization="Bearer wrong"),
    get("unknown key", PAYMENTS, 401, Authorization=f"Bearer dp_{'0' * 32}_{'x' * 43}"),
    get("basic", PAYMENTS, 401, Authorization="Basic YTpi"),
    get("unknown payment", PAYMENTS + UNKNOWN, 404),
    get("no id", PAYMENTS + "nothing", 404),
    get("history of an unknown payment", PAYMENTS + UNKNOWN + "/history", 404),
    get("unknown user", USERS + UNKNOWN, 404),
    get("unknown lease's schedule", LEASES + UNKNOWN + "/schedule", 404),
    get("unknown lease's ledger", LEASES + UNKNOWN + "/ledger", 404),
    get("ledger of no id", LEASES + "nothing/ledger", 404),
    get("unknown path", "/api/v1/nothing", 404),
    get("limit 0", PAYMENTS + "?limit=0", 422, "limit"),
    get("limit text", PAYMENTS + "?limit=many", 422, "limit"),
    get("unknown status", PAYMENTS + "?status=lost", 422, "status"),
    get("lease that is no id", PAYMENTS + "?lease_id=1", 422, "lease_id"),
    get("time that is none", PAYMENTS + "?from=yesterday", 422, "from"),
    get("time before all calendars", PAYMENTS + "?from=0001-01-01T00:00:00%2B14:00", 422, "from"),
    get("time after all calendars", PAYMENTS + "?to=9999-12-31T23:59:59-14:00", 422, "to"),
    get("misspelt filter", PAYMENTS + "?state=pending", 422, "state"),
    get("foreign cursor", PAYMENTS + "?cursor=abc", 400, "cursor"),
    get("foreign cursor of a ledger", LEASES + UNKNOWN + "/ledger?cursor=abc", 400, "cursor"),
    get("foreign cursor of balances", BALANCES + "?cursor=abc", 400, "cursor"),
    get("account that is none", BALANCES + "?account=cash", 422, "account"),
    get("balances, too many", BALANCES + "?limit=501", 422, "limit"),
    get("cancel of an unknown payment", PAYMENTS + UNKNOWN + "/cancel", 404, method="POST", Idempotency_Key="c"),
    get("cancel without a key", PAYMENTS + UNKNOWN + "/cancel", 400, "idempotency_key", method="POST"),
    get("wrong method", PAYMENTS + UNKNOWN, 405, method="DELETE"),
]  # fmt: skip


@pytest.fixture(scope="module")
def ground(stack: Any) -> Iterator[Ground]:
    own, foreign = Tenancy.open(stack.stack), Tenancy.open(stack.stack)
    admin_key = stack.stack["admin_key"]
    answer = own.http.post(
        KEYS, json={"tenant_id": own.tenant_id, "scopes": ["read"]}, headers={"Authorization": f"Bearer {admin_key}"}
    )
    assert answer.status_code == 201, answer.text
    email = f"taken+{uuid.uuid4().hex}@renter.com"
    own.create("users", email=email, password="x", role="renter")
    yield Ground(own, foreign, answer.json()["key"], admin_key, email)
    for tenancy in (own, foreign):
        tenancy.http.close()


@pytest.fixture(scope="module")
def command_ends(stack: Any) -> Callable[[], dict[tuple[str, int], int]]:
    """Return a function that says where the topics that the API writes end now."""
    admin = AdminClient({"bootstrap.servers": stack.stack["kafka"]})
    found = admin.list_topics(timeout=20).topics
    places = [(t.name, number) for t in (PAYMENT_COMMANDS, DIRECTORY_COMMANDS) for number in found[t.name].partitions]
    return lambda: ends(admin, places, "read_uncommitted")


def good_body(ground: Ground, path: str) -> dict[str, Any]:
    own = ground.own
    word = uuid.uuid4().hex
    return {
        PAYMENTS: own.body(),
        USERS: {"email": f"{word}@renter.com", "password": "x", "role": "renter"},
        ACCOUNTS: {
            "user_id": own.renter, "account_holder_name": "H", "routing_number": ROUTING_NUMBER,
            "account_number": "98765432", "account_type": "checking",
        },
        PROPERTIES: {"owner_id": own.landlord, "address": "1 Street"},
        LEASES: {
            "property_id": own.property, "renter_id": own.renter, "rent_amount": "1500.00", "due_day": 1,
            "start_date": "2025-02-15",
        },
    }[path]  # fmt: skip


def send(ground: Ground, sent: Sent) -> httpx.Response:
    headers = dict(sent.headers)
    content = sent.content
    if sent.changes is not None:
        body = good_body(ground, sent.path) | sent.changes(ground)
        content = json.dumps({name: value for name, value in body.items() if name not in sent.without}).encode()
        headers |= JSON
    return ground.own.http.request(sent.method, sent.path, content=content, headers=headers)


def check_problem(answer: httpx.Response, case: Case) -> None:
    assert answer.status_code == case.status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == case.status
    assert problem["type"].startswith("/docs/problems#")
    assert problem["title"]
    assert problem["detail"]
    named = [error["field"] for error in problem["errors"]]
    for at in filter(None, (case.field, *case.also)):
        assert at in named, problem
    assert all(error["message"] for error in problem["errors"])


def test_there_are_at_least_80_bad_requests_with_names_of_their_own() -> None:
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_request_is_refused_and_nothing_is_written(
    ground: Ground, command_ends: Callable[[], dict[tuple[str, int], int]], case: Case
) -> None:
    before = command_ends()
    check_problem(send(ground, case.sent), case)
    assert command_ends() == before


@pytest.mark.parametrize("path", [PAYMENTS, USERS, ACCOUNTS, PROPERTIES, LEASES])
def test_the_good_body_that_the_bad_ones_differ_from_is_accepted_and_written(
    ground: Ground, command_ends: Callable[[], dict[tuple[str, int], int]], path: str
) -> None:
    before = command_ends()
    answer = ground.own.http.post(path, json=good_body(ground, path))
    assert answer.status_code == 201, answer.text
    assert command_ends() != before


def test_in_a_batch_a_bad_item_refuses_itself_only(ground: Ground) -> None:
    good, twice = ground.own.body(), ground.own.body()
    other = twice | {"amount": "7.00"}
    bad = [{"amount": 5}, 7, good | {"idempotency_key": "x", "amount": "x"}, ground.own.body(lease_id=UNKNOWN)]
    answer = ground.own.http.post(BATCH, json=[good, *bad, twice, twice, other])
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 400, 400, 422, 422, 201, 200, 422]
    assert results[3]["problem"]["errors"][0]["field"] == "amount"
    assert results[4]["problem"]["errors"][0]["field"] == "lease_id"
    assert results[5]["payment"] == results[6]["payment"]
    assert ground.own.payment(results[0]["payment"]["id"])["idempotency_key"] == good["idempotency_key"]


def test_a_batch_may_be_one_payment_a_line(ground: Ground) -> None:
    lines = [json.dumps(ground.own.body()).encode(), b"{nope", b"", json.dumps(ground.own.body()).encode()]
    answer = ground.own.http.post(BATCH, content=b"\n".join(lines), headers={"Content-Type": "application/x-ndjson"})
    assert [result["status"] for result in answer.json()["results"]] == [201, 400, 201]


def test_a_key_without_the_scope_is_refused_by_name(ground: Ground) -> None:
    reader = {"Authorization": f"Bearer {ground.read_only_key}"}
    assert ground.own.http.get(PAYMENTS, headers=reader).status_code == 200
    for method, path in [
        ("POST", PAYMENTS),
        ("POST", BATCH),
        ("POST", USERS),
        ("POST", PAYMENTS + UNKNOWN + "/cancel"),
    ]:
        answer = ground.own.http.request(method, path, json={}, headers=reader)
        assert answer.status_code == 403
        assert "'write'" in answer.json()["detail"]
    for path in (TENANTS, KEYS):
        answer = ground.own.http.post(path, json={})
        assert (answer.status_code, "'admin'" in answer.json()["detail"]) == (403, True)
    # The operator's key is no tenant's.
    admin = {"Authorization": f"Bearer {ground.admin_key}"}
    assert ground.own.http.get(PAYMENTS, headers=admin).status_code == 403


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (PAYMENTS + "{}", "payment"), (PAYMENTS + "{}/history", "payment"), (USERS + "{}", "landlord"),
        (ACCOUNTS + "{}", "payer"), (PROPERTIES + "{}", "property"), (LEASES + "{}", "lease"),
        (LEASES + "{}/schedule", "lease"), (LEASES + "{}/ledger", "lease"),
    ],
)  # fmt: skip
def test_anothers_thing_reads_like_one_that_does_not_exist(ground: Ground, path: str, name: str) -> None:
    theirs = ground.foreign.pay().json()["id"] if name == "payment" else getattr(ground.foreign, name)
    assert ground.foreign.http.get(path.format(theirs)).status_code == 200
    foreign, unknown = (ground.own.http.get(path.format(identity)) for identity in (theirs, UNKNOWN))
    assert (foreign.status_code, foreign.content) == (404, unknown.content)


def test_anothers_payment_cannot_be_cancelled(ground: Ground) -> None:
    theirs = ground.foreign.pay(effective_date="2199-01-01").json()["id"]
    foreign, unknown = (ground.own.cancel(identity) for identity in (theirs, UNKNOWN))
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    assert ground.foreign.payment(theirs)["status"] == "pending"


def test_two_tenants_may_use_one_key(ground: Ground) -> None:
    key = uuid.uuid4().hex
    own, foreign = ground.own.pay(key), ground.foreign.pay(key)
    assert (own.status_code, foreign.status_code) == (201, 201)
    assert own.json()["id"] != foreign.json()["id"]


def test_a_revoked_key_is_refused_at_once(ground: Ground) -> None:
    admin = {"Authorization": f"Bearer {ground.admin_key}"}
    made = ground.own.http.post(KEYS, json={"tenant_id": ground.own.tenant_id}, headers=admin).json()
    bearer = {"Authorization": f"Bearer {made['key']}"}
    assert ground.own.http.get(PAYMENTS, headers=bearer).status_code == 200
    for _ in range(2):
        answer = ground.own.http.delete(KEYS + made["id"], headers=admin)
        assert (answer.status_code, answer.json()["status"]) == (200, "revoked")
    assert ground.own.http.get(PAYMENTS, headers=bearer).status_code == 401


def test_a_refused_request_does_not_use_its_key_up(ground: Ground) -> None:
    key = uuid.uuid4().hex
    assert ground.own.pay(key, amount="0").status_code == 422
    assert ground.own.pay(key).status_code == 201
