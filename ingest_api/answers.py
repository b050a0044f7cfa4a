"""Answers: JSON bytes with the headers that the contract promises."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ingest_api.entity_tags import content_tag, is_known
from ingest_api.refusals import RETRY_AFTER_S
from ingest_api.representations import json_bytes

JSON = "application/json"
_RESPOND_ASYNC = re.compile(r"(?:^|,)\s*respond-async\s*(?:[;,]|$)", re.IGNORECASE)


def json_answer(
    value: Any, *, status: int = 200, location: str | None = None, replayed: bool = False, etag: str | None = None
) -> Response:
    """Return an answer; 202 says when to look again."""
    headers = {}
    if etag is not None:
        headers["ETag"] = etag
    if location is not None:
        headers["Location"] = location
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    if status == 202:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return Response(json_bytes(value), status_code=status, media_type=JSON, headers=headers)


def tagged_answer(request: Request, value: Any) -> Response:
    """Return an answer with the tag of its bytes, or 304 to whoever names that tag: it is what they have."""
    body = json_bytes(value)
    return bytes_answer(request, body, content_tag(body), media_type=JSON)


def bytes_answer(
    request: Request, body: bytes, tag: str, *, media_type: str, headers: dict[str, str] | None = None
) -> Response:
    """Return `body` under its tag, or 304 to whoever has it."""
    headers = {**(headers or {}), "ETag": tag}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def prefers_async(request: Request) -> bool:
    """Say whether the caller does not want to wait for the outcome (RFC 7240)."""
    return any(_RESPOND_ASYNC.search(value) for value in request.headers.getlist("prefer"))
