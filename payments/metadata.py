"""A caller's own notes on a payment or a lease: one JSON object, in one spelling, within what every store can hold."""

from __future__ import annotations

import json
import re
from typing import Any

from payments.fields import Faults, fault
from payments.idempotency import canonical_json, is_clean_text
from payments.refusals import InvalidCommand

METADATA_BYTES_MAX = 8 * 1024  # A record must stay far below the broker's and librdkafka's message limits.
METADATA_DEPTH_MAX = 32  # Parsers on the path give up at depths of their own; a store must never be the first to.

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
# A NUL that is escaped, and not a backslash that is followed by the letters u0000.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def canonical_metadata(value: Any, *, field: str = "metadata", bytes_max: int = METADATA_BYTES_MAX) -> str:
    """Return a caller's metadata (a JSON object, or None for none) as canonical JSON text, or raise InvalidCommand."""
    try:
        text = canonical_json({} if value is None else value)
    except (ValueError, TypeError, RecursionError):
        raise InvalidCommand(fault(field, "must be a JSON object")) from None
    if errors := metadata_faults(field, text, bytes_max=bytes_max):
        raise InvalidCommand(errors)
    return text


def metadata_faults(field: str, text: str, *, bytes_max: int = METADATA_BYTES_MAX) -> Faults:
    """Return the faults of metadata as text: not an object, too large or too deep, or another spelling than ours.

    One body has one fingerprint: other spellings of the same JSON would look like another body.
    """
    if text == "{}":
        return ()
    if not is_clean_text(text):
        return fault(field, "must be Unicode text without NUL")
    if len(text.encode()) > bytes_max:
        return fault(field, f"must be at most {bytes_max} bytes as JSON")
    if _depth(text) > METADATA_DEPTH_MAX:
        return fault(field, f"must be nested at most {METADATA_DEPTH_MAX} deep")
    try:
        value = json.loads(text)
        canonical = canonical_json(value)
    except ValueError:
        return fault(field, "must be a JSON object")
    if not isinstance(value, dict):
        return fault(field, "must be a JSON object")
    if _NUL.search(text):
        return fault(field, "must not contain NUL")
    return (
        () if canonical == text else fault(field, "must be canonical JSON: sorted keys, no spaces, no needless escapes")
    )


def _depth(text: str) -> int:
    if text.count("[") + text.count("{") <= METADATA_DEPTH_MAX:
        return 0  # It cannot be deeper than it has brackets.
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
