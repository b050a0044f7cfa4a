"""Where a page ended, as text that callers hand back and need not understand."""

from __future__ import annotations

import base64
import json
from typing import Any

from payments.fields import YEAR_2000_US, YEAR_2200_US
from payments.idempotency import is_clean_text

CURSOR_CHARACTERS_MAX = 400
_VERSION = 1


class MalformedCursor(ValueError):
    """A cursor that no page of ours has given out."""


def write_cursor(at_us: int, last_id: str) -> str:
    """Return the cursor of a page whose last item has this time (microseconds, UTC) and id."""
    return _written(at_us, last_id)


def read_cursor(text: str) -> tuple[int, str]:
    """Return the time and id that `write_cursor` was given, or raise MalformedCursor."""
    at_us, last_id = _read(text, (int, str))
    if not YEAR_2000_US <= at_us < YEAR_2200_US:
        raise _not_ours()
    return at_us, last_id


def write_names_cursor(name: str, other: str) -> str:
    """Return the cursor of a page whose last item has these two names and no time."""
    return _written(name, other)


def read_names_cursor(text: str) -> tuple[str, str]:
    """Return what `write_names_cursor` was given, or raise MalformedCursor."""
    name, other = _read(text, (str, str))
    return name, other


def _written(*place: int | str) -> str:
    return base64.urlsafe_b64encode(json.dumps([_VERSION, *place]).encode()).decode().rstrip("=")


def _read(text: str, types: tuple[type, ...]) -> list[Any]:
    place: list[Any]
    try:
        if len(text) > CURSOR_CHARACTERS_MAX:
            raise MalformedCursor("too long")
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        version, *place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise _not_ours() from error
    # Exactly the integers and the text that we write: `true` is an integer to Python and 2.0 equals 2.
    if type(version) is not int or version != _VERSION or tuple(map(type, place)) != types:
        raise _not_ours()
    if not all(is_clean_text(part) for part in place if isinstance(part, str)):
        raise _not_ours()
    return place


def _not_ours() -> MalformedCursor:
    return MalformedCursor("must be a next_cursor of an earlier page")
