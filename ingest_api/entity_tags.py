"""Entity tags (RFC 9110, sections 8.8.3 and 13.1.2): who has what would be answered is not sent it again."""

from __future__ import annotations

import hashlib

from starlette.requests import Request

from projections.queries import PaymentRow


def entity_tag(payment: PaymentRow) -> str:
    """Return the tag of a payment's state: the time of its last transition, which no two of a payment share."""
    return f'"{payment.updated_at_us:x}"'


def content_tag(body: bytes) -> str:
    """Return the tag of an answer by what it says."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(request: Request, tag: str) -> bool:
    """Say whether If-None-Match names the tag, or any (`*`); weak tags count as strong ones do."""
    named = (each for value in request.headers.getlist("if-none-match") for each in value.split(","))
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in named)
