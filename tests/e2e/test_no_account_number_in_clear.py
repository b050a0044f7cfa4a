"""No account number in clear in logs, records, database or answers; a control in clear is found by the same search."""

from __future__ import annotations

import json
import random
import subprocess
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from schemas.codec import decode
from schemas.registry import schema_by_id
from schemas.topics import TOPICS
from tests.e2e.tenancy import Tenancy
from tests.e2e.topics import read_all

NUMBERS = 200


def test_200_account_numbers_appear_nowhere_in_clear_and_a_control_is_found_everywhere(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack)
    chance = random.Random(uuid.uuid4().int)
    # The control travels the same way, in fields that are public: a holder's name, an address, a description.
    control = str(chance.randrange(10**16, 10**17))
    numbers = {str(chance.randrange(10**16, 10**17)) for _ in range(NUMBERS)}
    answers: list[str] = []
    accounts = []
    for number in sorted(numbers):
        answer = tenancy.http.post(
            "/api/v1/bank-accounts/",
            json={
                "user_id": tenancy.renter, "account_holder_name": f"Holder {control}", "routing_number": "121042882",
                "account_number": number, "account_type": "savings",
            },
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        answers.append(answer.text)
        accounts.append(answer.json()["id"])
        # Faulty requests must not echo it either.
        for fault in ({"account_type": "gold"}, {"routing_number": "121042883"}, {"account_number": number + "x"}):
            refused = tenancy.http.post(
                "/api/v1/bank-accounts/",
                json={
                    "user_id": tenancy.renter, "account_holder_name": "H", "routing_number": "121042882",
                    "account_number": number, "account_type": "savings",
                } | fault,
            )  # fmt: skip
            assert refused.status_code == 422, refused.text
            answers.append(refused.text)
    payments = [
        tenancy.pay(payer_account_id=account, lease_id=None, amount="1.00", description=f"paid {control}").json()["id"]
        for account in accounts[:50]
    ]
    for payment_id in payments:
        tenancy.wait_for(payment_id, "completed")
        answers.append(json.dumps(tenancy.history(payment_id)))
    answers.append(tenancy.http.get("/api/v1/payments/", params={"limit": 100}).text)
    answers.append(tenancy.http.get("/api/v1/bank-accounts/", params={"limit": 100}).text)
    places = {
        "answers": "\n".join(answers),
        "records": _every_record(stack.stack["kafka"]),
        "database": _every_row(stack.stack["postgres"]),
        "logs": _every_log(Path(stack.stack["logs"]), control),
    }
    for place, text in places.items():
        assert control in text, f"the control is not in {place}: the search would not find a number either"
        found = sorted(number for number in numbers if number in text)
        assert not found, f"{len(found)} account numbers in clear in {place}"


def _every_record(bootstrap: str) -> str:
    """Return every record of every topic of ours: its raw bytes and its decoded form."""
    topics = [
        name
        for name in AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=20).topics
        if not name.startswith("__")
    ]
    assert set(topics) == {topic.name for topic in TOPICS}
    parts: list[str] = []
    for topic in topics:
        for message in read_all(bootstrap, topic):
            value = message.value() or b""
            parts += [str(message.key()), str(message.headers()), value.decode("latin-1"), repr(decode(value))]
            assert schema_by_id(int.from_bytes(value[1:5], "big"))
    return "\n".join(parts)


def _every_row(uri: str) -> str:
    parts: list[str] = []
    with psycopg.connect(uri) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'"
        ).fetchall()
        assert tables
        for (table,) in tables:
            with connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copy:
                parts += [bytes(block).decode() for block in copy]
    return "\n".join(parts)


def _every_log(folder: Path, control: str) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 5, files
    # Our logs hold no caller's text at all, so the control is put into the folder as a process would write it.
    marker = folder / "control.log"
    try:
        marker.write_text(control)
        grep = subprocess.run(["grep", "-rah", "", str(folder)], capture_output=True, check=True)
    finally:
        marker.unlink()
    return grep.stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("field", ["password", "account_number"])
def test_secrets_are_never_given_back(stack: Any, field: str) -> None:
    tenancy = Tenancy.open(stack.stack)
    for things in ("users", "bank-accounts"):
        for item in tenancy.http.get(f"/api/v1/{things}/").json()["items"]:
            assert field not in item
