"""Query strings of lists: limit, cursor and filters, every fault told at once."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.requests import Request

from ingest_api.moments import moment_us
from payments.fields import text_faults, uuid_faults
from payments.idempotency import KEY_CHARACTERS_MAX
from payments.ledger import is_account
from payments.refusals import FieldError, InvalidCommand

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
CURSOR_CHARACTERS_MAX = 1_000


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
            return moment_us(text)
        except ValueError as error:
            self._fault(name, str(error))
            return None

    def check(self) -> None:
        """Raise InvalidCommand when there are faults; a parameter that nobody took is one: it would filter nothing."""
        unknown = sorted(set(self._request.query_params) - self._taken)
        self._errors += [FieldError(field=name, message="is not a parameter here") for name in unknown]
        if self._errors:
            raise InvalidCommand(tuple(self._errors))

    def _fault(self, name: str, message: str) -> None:
        self._errors.append(FieldError(field=name, message=message))
