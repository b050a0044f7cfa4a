"""Where a page ended, as text that callers hand back and need not understand."""

from __future__ import annotations

import base64
import json

from payments.fields import YEAR_2000_US, YEAR_2200_US
from payments.idempotency import is_clean_text

CURSOR_CHARACTERS_MAX = 400
_VERSION = 1


class MalformedCursor(ValueError):
    """A cursor that no page of ours has given out."""


def write_cursor(at_us: int, last_id: str) -> str:
    """Return the cursor of a page whose last item has this time (microseconds, UTC) and id."""
    return base64.urlsafe_b64encode(json.dumps([_VERSION, at_us, last_id]).encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int, str]:
    """Return the time and id that `write_cursor` was given, or raise MalformedCursor."""
    try:
        if len(text) > CURSOR_CHARACTERS_MAX:
            raise MalformedCursor("too long")
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        version, at_us, last_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        # Exactly the integers and the text that we write: `true` is an integer to Python and 2.0 equals 2.
        if (type(version), type(at_us), type(last_id)) != (int, int, str) or version != _VERSION:
            raise MalformedCursor("not a cursor of ours")
        if not YEAR_2000_US <= at_us < YEAR_2200_US or not is_clean_text(last_id):
            raise MalformedCursor("not a cursor of ours")
    except (ValueError, TypeError, RecursionError) as error:
        raise MalformedCursor("must be a next_cursor of an earlier page") from error
    return at_us, last_id
