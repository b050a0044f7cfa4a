"""Bodies read strictly: size, media type, JSON, then fields, so that every fault of a body is told at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from starlette.requests import Request

from ingest_api.moments import moment_us
from ingest_api.refusals import BodyTooLarge, MalformedBody, UnsupportedMediaType
from payments.metadata import METADATA_DEPTH_MAX, canonical_metadata
from payments.money import InvalidAmount, parse_amount
from payments.refusals import FieldError, InvalidCommand

_SPACE = re.compile(r"[ \t\n\r]*", re.ASCII)
JSON_TYPES = frozenset({"application/json"})
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A number as it was written, so that no float comes between an amount and its digits."""

    text: str


class RepeatedMembers(dict[str, Any]):
    """An object that names a member twice: two readers could take different values from it."""


async def read_body(request: Request, *, bytes_max: int, media_types: Collection[str] = JSON_TYPES) -> bytes:
    """Return the raw body, or raise BodyTooLarge (without reading on) or UnsupportedMediaType."""
    data = await read_bytes(request, bytes_max=bytes_max)
    if data:
        _check_media_type(request, media_types)
    return data


async def read_bytes(request: Request, *, bytes_max: int) -> bytes:
    """Return the raw body, whatever its media type, or raise BodyTooLarge (without reading on)."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > bytes_max:
        raise BodyTooLarge(bytes_max)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise BodyTooLarge(bytes_max)
        parts.append(part)
    return b"".join(parts)


def media_type(request: Request) -> str:
    """Return the body's media type without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_media_type(request: Request, allowed: Collection[str]) -> None:
    names = " or ".join(sorted(allowed))
    if media_type(request) not in allowed:
        raise UnsupportedMediaType(f"the Content-Type must be {names}")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", request.headers["content-type"], re.IGNORECASE)
    if charset is not None and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType("JSON is UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("the body must not be compressed")


def parse_json(data: bytes) -> Any:
    """Return the value of a JSON text, its numbers as JsonNumber; NaN, Infinity and other extensions are refused."""
    with _malformed():
        return _DECODER.decode(data.decode())


def parse_array(data: bytes, *, items_max: int) -> list[Any] | None:
    """Return the items of a JSON array, None when it is something else.

    Of an array that is too long only one item more than `items_max` is parsed: the caller sees that it is too long.
    """
    with _malformed():
        text = data.decode()
        at = _after_space(text, 0)
        if text[at : at + 1] != "[":
            return None
        items: list[Any] = []
        at = _after_space(text, at + 1)
        while text[at : at + 1] != "]" or items:
            item, at = _DECODER.raw_decode(text, at)
            items.append(item)
            if len(items) > items_max:
                return items
            at = _after_space(text, at)
            if text[at : at + 1] == "]":
                break
            if text[at : at + 1] != ",":
                raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
            at = _after_space(text, at + 1)
        end = _after_space(text, at + 1)
        if end != len(text):
            raise json.JSONDecodeError("Extra data", text, end)
        return items


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None, "no space is space too"
    return space.end()


@contextmanager
def _malformed() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise MalformedBody("the body is not UTF-8") from None
    except RecursionError:
        raise MalformedBody("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        # The position, never the text: it could be part of a secret.
        raise MalformedBody(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None


def parse_object(data: bytes) -> dict[str, Any]:
    """Return the members of a JSON object, or raise MalformedBody."""
    return object_members(parse_json(data))


def object_members(value: Any) -> dict[str, Any]:
    """Return the members of a parsed value that must be an object, or raise MalformedBody."""
    if isinstance(value, RepeatedMembers):
        raise MalformedBody("an object names a member twice")
    if not isinstance(value, dict):
        raise MalformedBody("the body must be a JSON object")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else RepeatedMembers(members)


def _refuse_constant(_name: str) -> NoReturn:
    raise MalformedBody("the body is not JSON: NaN and Infinity are not JSON numbers")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=JsonNumber, parse_int=JsonNumber, parse_constant=_refuse_constant
)


class Fields:
    """The members of one body, taken one by one; what is wrong with them is collected and told together."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members
        self._taken: set[str] = set()
        self._errors: list[FieldError] = []

    def text(self, name: str) -> str:
        """Take a required string; its rules are the domain's."""
        value = self.optional_text(name)
        if value is None and not self._is_at_fault(name):
            self.fault(name, "is required")
        return value or ""

    def optional_text(self, name: str) -> str | None:
        """Take a string; null is the same as absent."""
        value = self._take(name)
        if value is None or isinstance(value, str):
            return value
        self.fault(name, "must be a string")
        return None

    def amount(self, name: str) -> int:
        """Take an amount, a JSON number or string, judged on its own digits; returns minor units."""
        value = self._take(name)
        if value is None:
            self.fault(name, "is required")
        elif not isinstance(value, JsonNumber | str):
            self.fault(name, "must be a JSON number or string of decimal digits, such as 1500.00")
        else:
            try:
                return parse_amount(value if isinstance(value, str) else value.text)
            except InvalidAmount as error:
                self.fault(name, str(error))
        return 1

    def optional_amount(self, name: str) -> int | None:
        """Take an amount that need not be there; null is the same as absent."""
        if self._members.get(name) is not None:
            return self.amount(name)
        self._taken.add(name)
        return None

    def whole_number(self, name: str) -> int:
        """Take a required integer of at most 9 digits."""
        value = self._take(name)
        if value is None:
            self.fault(name, "is required")
        elif not isinstance(value, JsonNumber) or not _WHOLE_NUMBER.fullmatch(value.text):
            self.fault(name, "must be a whole number")
        else:
            return int(value.text)
        return 1

    def optional_flag(self, name: str) -> bool | None:
        """Take true or false; null is the same as absent."""
        value = self._take(name)
        if value is None or isinstance(value, bool):
            return value
        self.fault(name, "must be true or false")
        return None

    def choice(self, name: str, choices: type[E]) -> E:
        """Take a required string that is one of an enum's values."""
        text = self.text(name)
        if text in set(choices):
            return choices(text)
        self.fault(name, f"must be one of {', '.join(choices)}")
        return next(iter(choices))

    def choices(self, name: str, choices: type[E] | tuple[E, ...], default: tuple[E, ...]) -> tuple[E, ...]:
        """Take an array of an enum's values, or of these, each once."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, list) or not all(isinstance(item, str) and item in set(choices) for item in value):
            self.fault(name, f"must be an array of {', '.join(choices)}")
            return default
        return tuple(choice for choice in choices if choice in value)

    def day(self, name: str) -> date:
        """Take a required calendar date, YYYY-MM-DD."""
        parsed = self.optional_day(name)
        if parsed is None and not self._is_at_fault(name):
            self.fault(name, "is required")
        return parsed or date.min

    def optional_day(self, name: str) -> date | None:
        text = self.optional_text(name)
        if text is None:
            return None
        try:
            parsed = date.fromisoformat(text)
        except ValueError:
            parsed = None
        # fromisoformat also reads 20260301 and week dates; one form is enough.
        if parsed is None or parsed.isoformat() != text:
            self.fault(name, "must be a date such as 2026-03-01")
            return None
        return parsed

    def optional_moment_us(self, name: str) -> int | None:
        """Take a date or a date and time; returns microseconds since the epoch."""
        text = self.optional_text(name)
        if text is None:
            return None
        try:
            return moment_us(text)
        except ValueError as error:
            self.fault(name, str(error))
            return None

    def metadata(self, name: str) -> str:
        """Take an object of whatever the caller wants kept; returns it as canonical JSON."""
        return self._canonical(name, self._take(name))

    def others(self, name: str) -> str:
        """Take every member not taken so far, and those of the object `name`, as one object; returns canonical JSON."""
        given = self._take(name)
        rest = {key: value for key, value in self._members.items() if key not in self._taken}
        self._taken.update(rest)
        if isinstance(given, dict):
            self._errors += [FieldError(field=key, message=f"is also in {name}") for key in rest if key in given]
            rest = given | rest if not isinstance(given, RepeatedMembers) else given
        elif given is not None:
            self.fault(name, "must be a JSON object")
        return self._canonical(name, rest)

    def refuse_others(self) -> None:
        """Refuse members that nobody took: a misspelt field must not be silently ignored."""
        unknown = [name for name in self._members if name not in self._taken]
        self._errors += [FieldError(field=name, message="is not a field of this body") for name in unknown]

    def fault(self, name: str, message: str) -> None:
        """Note a fault, unless the field has one already: the first says the most."""
        if not self._is_at_fault(name):
            self._errors.append(FieldError(field=name, message=message))

    def build(self, make: Callable[[], T]) -> T:
        """Return what `make` builds; raises InvalidCommand with every fault, the domain's among them."""
        try:
            made = make()
        except InvalidCommand as refusal:
            for error in refusal.errors:
                self.fault(error.field, error.message)
            raise InvalidCommand(tuple(self._errors)) from None
        self.check()
        return made

    def check(self) -> None:
        """Raise InvalidCommand when there are faults."""
        if self._errors:
            raise InvalidCommand(tuple(self._errors))

    def _canonical(self, name: str, value: Any) -> str:
        if value is not None and not isinstance(value, dict):
            self.fault(name, "must be a JSON object")
            return "{}"
        try:
            return canonical_metadata(_plain(value or {}, METADATA_DEPTH_MAX), field=name)
        except InvalidCommand as refusal:
            self.fault(name, refusal.errors[0].message)
        except ValueError as error:
            self.fault(name, str(error))
        return "{}"

    def _take(self, name: str) -> Any:
        self._taken.add(name)
        return self._members.get(name)

    def _is_at_fault(self, name: str) -> bool:
        return any(error.field == name for error in self._errors)


def _plain(value: Any, depth: int) -> Any:
    """Return a parsed value with ordinary numbers; raises ValueError with what is wrong."""
    if isinstance(value, JsonNumber):
        return _plain_number(value.text)
    if isinstance(value, dict | list) and depth == 0:
        raise ValueError(f"must be nested at most {METADATA_DEPTH_MAX} deep")
    if isinstance(value, RepeatedMembers):
        raise ValueError("names a member twice")
    if isinstance(value, dict):
        return {key: _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    return value


def _plain_number(text: str) -> int | float:
    if len(text) > 64:
        raise ValueError("has a number of more than 64 characters")
    if re.fullmatch(r"-?[0-9]+", text, re.ASCII):
        return int(text)
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("has a number that is too large")
    return number
