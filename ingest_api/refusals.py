"""What the HTTP side itself refuses: requests that never become a command."""

from __future__ import annotations

from payments.idempotency import KEY_CHARACTERS_MAX
from payments.refusals import FieldError, InvalidIdempotencyKey, Refusal

RETRY_AFTER_S = 1  # A broker or database restart takes seconds; asking again each second is cheap.


class MalformedBody(Refusal):
    """The body is not JSON, repeats a member, or is not an object."""

    code = "malformed-body"


class MalformedCursor(Refusal):
    """A cursor that no list of ours has given out."""

    code = "malformed-cursor"

    def __init__(self) -> None:
        message = "must be a next_cursor of an earlier page"
        super().__init__(f"cursor: {message}", (FieldError(field="cursor", message=message),))


class BodyTooLarge(Refusal):
    """The body is longer than the route takes."""

    code = "body-too-large"

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"the body must be at most {bytes_max} bytes")


class UnsupportedMediaType(Refusal):
    """The body is of a type, or packed in a way, that the route does not read."""

    code = "unsupported-media-type"


class IdempotencyKeyMissing(InvalidIdempotencyKey):
    """A payment, a cancel or a refund without a key could be made twice."""

    code = "idempotency-key-missing"

    def __init__(self) -> None:
        super().__init__(
            "send one in the Idempotency-Key header or as idempotency_key in the body: "
            f"1 to {KEY_CHARACTERS_MAX} characters, a new one for each payment and the same one for each retry"
        )


class IdempotencyKeysDiffer(InvalidIdempotencyKey):
    """The header and the body name two keys; either could be the one that was meant."""

    code = "idempotency-keys-differ"

    def __init__(self) -> None:
        super().__init__("the Idempotency-Key header and idempotency_key in the body differ")


class Unauthorized(Refusal):
    """No key, or one that is unknown or revoked; which of these is not told."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("send a valid API key: Authorization: Bearer KEY")


class ScopeMissing(Refusal):
    """The key is valid but may not do this."""

    code = "scope-missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this needs a key with the scope {scope!r}")


class NotFound(Refusal):
    """Nothing of the caller's has this id; another tenant's things look the same."""

    code = "not-found"

    def __init__(self, what: str = "resource") -> None:
        super().__init__(f"no such {what}")


class MethodNotAllowed(Refusal):
    """The path exists, but not for this method."""

    code = "method-not-allowed"

    def __init__(self) -> None:
        super().__init__("this path does not take this method")


class UnknownReference(Refusal):
    """The body refers to something that is unknown, revoked or another tenant's: all three look the same."""

    code = "reference-unknown"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors), errors)


class EntityKeyReused(Refusal):
    """The idempotency key has created something else."""

    code = "idempotency-key-reused"

    def __init__(self) -> None:
        message = "this idempotency key was used with another body; what it created stays as it was"
        super().__init__(message, (FieldError(field="idempotency_key", message=message),))


class Taken(Refusal):
    """An e-mail has one user per tenant, a tenant id one tenant."""

    code = "entity-exists"

    def __init__(self, field: str) -> None:
        super().__init__(f"this {field} is taken", (FieldError(field=field, message="is taken"),))


class TooManyWaiting(Refusal):
    """The process has as many unanswered requests as it may hold; nothing was accepted."""

    code = "too-many-requests"

    def __init__(self) -> None:
        super().__init__("too many requests are waiting for an answer; nothing was accepted, send it again")


class LogUnreachable(Refusal):
    """Kafka did not acknowledge in time: the outcome is unknown, and a retry with the same key is safe."""

    code = "log-unavailable"

    def __init__(self) -> None:
        super().__init__("Kafka cannot be reached; the outcome is unknown, send the same request with the same key")


class ViewsUnreachable(Refusal):
    """Postgres did not answer in time; what was accepted is safe in the log."""

    code = "views-unavailable"

    def __init__(self) -> None:
        super().__init__("the views cannot be read at the moment; nothing that was accepted is lost")


class ViewsBehind(Refusal):
    """It exists, by the log, but the views do not show it yet."""

    code = "views-behind"

    def __init__(self, what: str) -> None:
        super().__init__(f"this {what} exists, but the views do not show it yet")


class ReconcilerUnreachable(Refusal):
    """The reconciler gave no answer: nothing is lost, and the same file again is the same import."""

    code = "reconciler-unavailable"

    def __init__(self) -> None:
        super().__init__("the reconciler gives no answer at the moment; send the same request again")


class StatementInvalid(Refusal):
    """The file is no bank statement that we read, or breaks a rule of its format; nothing was compared."""

    code = "statement-invalid"

    def __init__(self, *, line: int, field: str, rule: str, detail: str) -> None:
        fault = FieldError(field=field, message=f"line {line}, {rule}: {detail}")
        super().__init__(f"{fault.field}: {fault.message}", (fault,))


class ItemResolved(Refusal):
    """The item has been resolved otherwise, or is one that needs no resolution."""

    code = "item-resolved"


class KeyUnreadable(Refusal):
    """What the log keeps of this API key cannot be opened here, so that it can be neither let in nor turned away."""

    code = "key-unreadable"

    def __init__(self) -> None:
        super().__init__("this process cannot open what is kept of this API key; nothing was accepted")


class SecretUnreadable(Refusal):
    """What the log keeps of a webhook endpoint's secrets cannot be opened here."""

    code = "secret-unreadable"

    def __init__(self) -> None:
        super().__init__("this process cannot open what is kept of this endpoint's secrets; nothing was changed")


class StillRestoring(Refusal):
    """The process has not yet read the directory and so knows no keys."""

    code = "still-restoring"

    def __init__(self) -> None:
        super().__init__("this process is still reading the directory from the log")
