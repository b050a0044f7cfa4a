"""Refusals as RFC 9457 problem documents: one table says which status and type each has."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from directory.changes import ChangeKeyReused, EntityExists, EntityRevoked, EntityUnknown, VersionConflict
from directory.webhook_endpoint import TooManyEndpoints
from directory.webhook_secrets import TooManySecrets
from ingest_api.refusals import (
    RETRY_AFTER_S,
    BodyTooLarge,
    EntityKeyReused,
    IdempotencyKeyMissing,
    IdempotencyKeysDiffer,
    ItemResolved,
    KeyUnreadable,
    LogUnreachable,
    MalformedBody,
    MalformedCursor,
    MethodNotAllowed,
    NotFound,
    ReconcilerUnreachable,
    ScopeMissing,
    SecretUnreadable,
    StatementInvalid,
    StillRestoring,
    Taken,
    TooManyWaiting,
    Unauthorized,
    UnknownReference,
    UnsupportedMediaType,
    ViewsBehind,
    ViewsUnreachable,
)
from payments.refusals import (
    FieldError,
    IllegalMove,
    InvalidCommand,
    InvalidIdempotencyKey,
    KeyReusedWithOtherBody,
    PaymentUnknown,
    RefundOfRefund,
    RefundTooLarge,
    Refusal,
    TooManyRefunds,
)

MEDIA_TYPE = "application/problem+json"
# Types are links: the page at this path explains each.
TYPES_PATH = "/docs/problems"
FIELD_CHARACTERS_MAX = 100  # A field's name can be the caller's own text; a problem is no place to send it all back.

ERRORS_MAX = 100  # Nobody mends more at once; a body can have as many faults as it has members.

PROBLEMS: dict[type[Refusal], tuple[int, str]] = {
    MalformedBody: (400, "The body is malformed"),
    MalformedCursor: (400, "The cursor is malformed"),
    InvalidIdempotencyKey: (400, "The idempotency key is not valid"),
    IdempotencyKeyMissing: (400, "An idempotency key is required"),
    IdempotencyKeysDiffer: (400, "Two idempotency keys were sent"),
    Unauthorized: (401, "The API key is missing or not valid"),
    ScopeMissing: (403, "The API key may not do this"),
    NotFound: (404, "Not found"),
    PaymentUnknown: (404, "Not found"),
    MethodNotAllowed: (405, "The method is not allowed here"),
    IllegalMove: (409, "The state forbids it"),
    RefundOfRefund: (409, "A refund cannot be refunded"),
    RefundTooLarge: (409, "So much is not left to refund"),
    TooManyRefunds: (409, "The payment has been refunded too often"),
    Taken: (409, "It exists already"),
    EntityExists: (409, "It exists already"),
    ItemResolved: (409, "The item needs no resolution"),
    EntityRevoked: (409, "The state forbids it"),
    VersionConflict: (409, "It was changed meanwhile"),
    TooManySecrets: (409, "Too many secrets still sign"),
    TooManyEndpoints: (409, "There are too many endpoints"),
    BodyTooLarge: (413, "The body is too large"),
    UnsupportedMediaType: (415, "The body's media type is not supported"),
    InvalidCommand: (422, "A field's value is not valid"),
    StatementInvalid: (422, "The statement is not valid"),
    UnknownReference: (422, "A reference is not valid"),
    EntityUnknown: (422, "A reference is not valid"),
    KeyReusedWithOtherBody: (422, "The idempotency key was used with another body"),
    EntityKeyReused: (422, "The idempotency key was used with another body"),
    ChangeKeyReused: (422, "The idempotency key was used with another body"),
    TooManyWaiting: (429, "Too many requests are waiting"),
    LogUnreachable: (503, "Kafka cannot be reached"),
    ViewsUnreachable: (503, "The views cannot be read"),
    ReconcilerUnreachable: (503, "The reconciler cannot be reached"),
    ViewsBehind: (503, "The views are behind the log"),
    KeyUnreadable: (503, "The API key cannot be checked"),
    SecretUnreadable: (503, "The secrets cannot be opened"),
    StillRestoring: (503, "The process is starting"),
}
# A refusal that the stream app decided comes back as its code; one that it has and we do not know is still a refusal.
_BY_CODE = {refusal.code: status for refusal, status in PROBLEMS.items()}
_REFUSED_BY_THE_LOG = (422, "The command was refused")
RETRIABLE = frozenset({429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem document, before it is an answer of its own or an item of a batch's."""

    status: int
    code: str
    title: str
    detail: str
    errors: tuple[FieldError, ...] = ()

    def document(self) -> dict[str, Any]:
        return {
            "type": f"{TYPES_PATH}#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "errors": [{"field": error.field, "message": error.message} for error in self.errors],
        }

    def response(self) -> Response:
        headers = {}
        if self.status in RETRIABLE:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="directpay"'
        if self.code.startswith("idempotency-key"):
            headers["Link"] = f'<{TYPES_PATH}#{self.code}>; rel="help"'
        # ASCII with escapes: a caller's lone surrogate in a field's name must not make the answer itself fail.
        body = json.dumps(self.document()).encode("ascii")
        return Response(body, status_code=self.status, media_type=MEDIA_TYPE, headers=headers)


def problem_of(refusal: Refusal) -> Problem:
    """Return the problem that tells of a refusal."""
    status, title = PROBLEMS[type(refusal)]
    detail, errors = refusal.detail, _bounded(refusal.errors)
    if errors != refusal.errors:
        # The refusal's own detail has every fault's text in it.
        detail = "; ".join(f"{error.field}: {error.message}" for error in errors)
    return Problem(status=status, code=refusal.code, title=title, detail=detail, errors=errors)


def _bounded(errors: tuple[FieldError, ...]) -> tuple[FieldError, ...]:
    return tuple(
        FieldError(field=error.field[:FIELD_CHARACTERS_MAX], message=error.message) for error in errors[:ERRORS_MAX]
    )


def problem_of_rejection(reason: str, detail: str, errors: Iterable[FieldError]) -> Problem:
    """Return the problem that tells of a command that the stream app refused, by the reason's stable code."""
    status, title = _BY_CODE.get(reason, _REFUSED_BY_THE_LOG)
    return Problem(status=status, code=reason, title=title, detail=detail, errors=_bounded(tuple(errors)))


def unexpected_problem() -> Problem:
    """Return the problem of a fault of ours, which says nothing of what went wrong inside."""
    return Problem(
        status=500,
        code="internal-error",
        title="Something went wrong on our side",
        detail="the outcome is unknown; send the same request with the same key",
    )


def problem_types() -> dict[str, tuple[int, str, str]]:
    """Return code -> (status, title, explanation) of every problem, for the page that the types link to."""
    return {
        refusal.code: (status, title, " ".join((refusal.__doc__ or "").split()))
        for refusal, (status, title) in PROBLEMS.items()
    }
