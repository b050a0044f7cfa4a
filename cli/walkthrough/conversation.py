"""The tour's conversation with the API: requests and answers are shown as they go, and claims are verified."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

POLL_S = 0.1
OUTCOME_WAIT_S_MAX = 30.0  # Far longer than the slowest rail at the demo's speed; a stuck payment should end the tour.
ANSWER_S_MAX = 15.0
HIDDEN = {"password", "account_number", "secret"}


class TourFailed(Exception):
    """A step did not do what the tour says; the message names the step and what came instead."""


class Conversation:
    """Speaks HTTP with one API key; `say` receives each line to print."""

    def __init__(self, url: str, api_key: str, say: Callable[[str], None]) -> None:
        self.say = say
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {api_key}"}, timeout=ANSWER_S_MAX)

    def close(self) -> None:
        self._http.close()

    def chapter(self, title: str) -> None:
        self.say(f"\n{title}\n")

    def expect(self, claim: str, found: Any, wanted: Any) -> None:
        """Verify a claim and say that it held, or end the tour."""
        if found != wanted:
            raise TourFailed(f"{claim}: expected {wanted!r}, found {found!r}")
        self.say(f"   ok: {claim}")

    def show(self, value: Any, prefix: str = "   <") -> None:
        for line in json.dumps(value, indent=2).splitlines():
            self.say(f"{prefix} {line}")

    def create(self, things: str, *, quiet: bool = False, **body: Any) -> dict[str, Any]:
        """Create one user, bank account, property or lease."""
        created: dict[str, Any] = self.post(f"/api/v1/{things}/", body, wanted=201, quiet=quiet).json()
        return created

    def user(self, email: str, role: str, *, quiet: bool = False) -> str:
        """Create a user with a password that nobody knows, and return the id."""
        user = self.create("users", quiet=quiet, email=email, password=uuid.uuid4().hex, role=role)
        user_id: str = user["id"]
        return user_id

    def account(
        self, user_id: str, holder: str, routing_number: str, account_number: str, *, quiet: bool = False
    ) -> str:
        """Create a user's bank account, and return its id."""
        numbers = {"routing_number": routing_number, "account_number": account_number, "account_type": "checking"}
        account = self.create("bank-accounts", quiet=quiet, user_id=user_id, account_holder_name=holder, **numbers)
        account_id: str = account["id"]
        return account_id

    def holder(self, name: str, role: str, numbers: tuple[str, str], run: str) -> str:
        """Create a user with a bank account, and return the account's id; `run` makes the e-mail a new one."""
        user_id = self.user(f"{name}+{run}@{role}.com", role, quiet=True)
        return self.account(user_id, f"{name} {role}".title(), *numbers, quiet=True)

    def post(
        self, path: str, body: dict[str, Any] | None, *, wanted: int, key: str | None = None, quiet: bool = False
    ) -> httpx.Response:
        """POST and return the answer, which must have the wanted status."""
        answer = self._http.post(path, json=body, headers={} if key is None else {"Idempotency-Key": key})
        if not quiet:
            self.say(f"   POST {path}" + ("" if key is None else f"   Idempotency-Key: {key}"))
            if body is not None:
                self.show(_without_secrets(body), "   >")
            self.say(f"   {answer.status_code} {answer.reason_phrase}")
            self.show(_without_secrets(answer.json()))
        if answer.status_code != wanted:
            raise TourFailed(f"POST {path} answered {answer.status_code}, not {wanted}: {answer.text}")
        return answer

    def upload(self, path: str, data: bytes, *, wanted: int) -> httpx.Response:
        """POST a file and return the answer, which must have the wanted status."""
        answer = self._http.post(path, content=data)
        self.say(f"   POST {path}   ({len(data):,} bytes)\n   {answer.status_code} {answer.reason_phrase}")
        if answer.status_code != wanted:
            raise TourFailed(f"POST {path} answered {answer.status_code}, not {wanted}: {answer.text}")
        return answer

    def get(self, path: str, *, quiet: bool = False) -> Any:
        """GET what must be there."""
        answer = self._http.get(path)
        if answer.status_code != 200:
            raise TourFailed(f"GET {path} answered {answer.status_code}, not 200: {answer.text}")
        if not quiet:
            self.say(f"   GET {path}")
            self.show(answer.json())
        return answer.json()

    def wait_for(self, payment_id: str, status: str) -> dict[str, Any]:
        """Return the payment once it has this status."""
        deadline = time.monotonic() + OUTCOME_WAIT_S_MAX
        while True:
            payment: dict[str, Any] = self.get(f"/api/v1/payments/{payment_id}", quiet=True)
            if payment["status"] == status:
                return payment
            if time.monotonic() > deadline:
                found = payment["status"]
                raise TourFailed(f"payment {payment_id} is {found}, not {status}, after {OUTCOME_WAIT_S_MAX:g} s")
            time.sleep(POLL_S)


def _without_secrets(body: dict[str, Any]) -> dict[str, Any]:
    return {name: "(not shown)" if name in HIDDEN else value for name, value in body.items()}
