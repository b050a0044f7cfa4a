"""Query strings of lists: limit, cursor and filters, every fault told at once."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime

from starlette.requests import Request

from payments.fields import text_faults, time_faults, uuid_faults
from payments.idempotency import KEY_CHARACTERS_MAX
from payments.ledger import is_account
from payments.refusals import FieldError, InvalidCommand

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
CURSOR_CHARACTERS_MAX = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = 1_000_000


class QueryString:
    """The parameters of one request, taken one by one."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._taken: set[str] = set()
        self._errors: list[FieldError] = []

    def text(self, name: str, characters_max: int = KEY_CHARACTERS_MAX) -> str | None:
        """Take text; an empty parameter is the same as none."""
        self._taken.add(name)
        values = self._request.query_params.getlist(name)
        if len(values) > 1:
            self._fault(name, "must be given once")
        text = values[0] if values else ""
        self._errors += text_faults(name, text, characters_max)
        return text or None

    def uuid(self, name: str) -> str | None:
        text = self.text(name)
        self._errors += uuid_faults(name, text)
        return text

    def account(self, name: str) -> str | None:
        """Take an account of the ledger."""
        text = self.text(name)
        if text is not None and not is_account(text):
            self._fault(name, "must be bank_account:<id>, clearing:<rail> or suspense")
        return text

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        text = self.text(name)
        if text is not None and text not in choices:
            self._fault(name, f"must be one of {', '.join(choices)}")
        return text

    def limit(self, default: int = LIMIT_DEFAULT, largest: int = LIMIT_MAX) -> int:
        return self.number("limit", default, largest)

    def number(self, name: str, default: int, largest: int) -> int:
        """Take a whole number from 1 to `largest`."""
        text = self.text(name)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not 1 <= int(text) <= largest:
            self._fault(name, f"must be from 1 to {largest}")
            return default
        return int(text)

    def cursor(self) -> str | None:
        return self.text("cursor", CURSOR_CHARACTERS_MAX)

    def moment_us(self, name: str) -> int | None:
        """Take a moment, an ISO 8601 date or date and time (UTC unless it says otherwise); returns microseconds."""
        text = self.text(name)
        if text is None:
            return None
        try:
            # A bare plus sign in a query string means a space.
            moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        except ValueError:
            self._fault(name, "must be a date or a time such as 2026-03-01T12:00:00Z")
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - _EPOCH
        moment_us = (since.days * 86_400 + since.seconds) * _MICROSECOND + since.microseconds
        if time_faults(name, moment_us):
            # The calendar's own ends can be shifted by no time zone, and nothing of ours lies there.
            self._fault(name, "must lie in 2000 to 2199")
            return None
        return moment_us

    def check(self) -> None:
        """Raise InvalidCommand when there are faults; a parameter that nobody took is one: it would filter nothing."""
        unknown = sorted(set(self._request.query_params) - self._taken)
        self._errors += [FieldError(field=name, message="is not a parameter here") for name in unknown]
        if self._errors:
            raise InvalidCommand(tuple(self._errors))

    def _fault(self, name: str, message: str) -> None:
        self._errors.append(FieldError(field=name, message=message))
