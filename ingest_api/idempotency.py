"""The caller's idempotency key: in the header (bare, or quoted as a structured field) or in the body, never two."""

from __future__ import annotations

import re

from starlette.requests import Request

from ingest_api.refusals import IdempotencyKeyMissing, IdempotencyKeysDiffer
from payments.idempotency import check_key
from payments.refusals import InvalidIdempotencyKey

HEADER = b"idempotency-key"
FIELD = "idempotency_key"
# RFC 8941's string: printable ASCII between quotes, a quote or backslash escaped by a backslash.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')


def required_key(request: Request, members: dict[str, object]) -> str:
    """Return the request's key, or raise IdempotencyKeyMissing, IdempotencyKeysDiffer or InvalidIdempotencyKey."""
    key = optional_key(request, members)
    if key is None:
        raise IdempotencyKeyMissing
    return key


def optional_key(request: Request, members: dict[str, object]) -> str | None:
    """Return the request's key, None when it brings none, or raise what is wrong with it."""
    in_header, in_body = _header_key(request), body_key(members)
    if in_header is not None and in_body is not None and in_header != in_body:
        raise IdempotencyKeysDiffer
    return in_header if in_header is not None else in_body


def body_key(members: dict[str, object]) -> str | None:
    """Return the key that a body (or one item of a batch) names."""
    value = members.get(FIELD)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidIdempotencyKey("must be a string")
    if not value:
        raise IdempotencyKeyMissing
    return check_key(value)


def _header_key(request: Request) -> str | None:
    values = {value for name, value in request.scope["headers"] if name == HEADER}
    if not values:
        return None
    if len(values) > 1:
        raise IdempotencyKeysDiffer
    try:
        text = values.pop().decode().strip()
    except UnicodeDecodeError:
        raise InvalidIdempotencyKey("must be UTF-8") from None
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        if quoted is None:
            raise InvalidIdempotencyKey("starts with a quote but is not a quoted string")
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    if not text:
        raise IdempotencyKeyMissing
    return check_key(text)
