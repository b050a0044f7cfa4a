"""The row of a refused command, which is how its sender hears of the refusal."""

from __future__ import annotations

from uuid import UUID

from payments.idempotency import canonical_json
from payments.rejection import Rejection
from projections.views.storable import storable_text


def outcome_key(rejection: Rejection) -> str:
    """Return what a refusal is found by: the command's id, or, where that could not be read, the record's place."""
    command_id = _uuid(rejection.command_id)
    return command_id or f"{rejection.topic}/{rejection.partition}/{rejection.offset}"


def order(rejection: Rejection) -> tuple[int, str, int, int]:
    """Return what decides which of two refusals of one command stands: the greater."""
    return (rejection.rejected_at_us, rejection.topic, rejection.partition, rejection.offset)


def parameters(rejection: Rejection) -> dict[str, object]:
    """Return the parameters of `record_outcome`."""
    return {
        "outcome_key": outcome_key(rejection),
        "command_id": _uuid(rejection.command_id),
        "tenant_id": storable_text(rejection.tenant_id),
        "payment_id": _uuid(rejection.payment_id),
        "entity_id": storable_text(rejection.entity_id),
        "topic": rejection.topic,
        "partition": rejection.partition,
        "offset": rejection.offset,
        "record_key": storable_text(rejection.key),
        "reason": rejection.reason,
        "detail": storable_text(rejection.detail),
        "errors": canonical_json(
            [
                {"field": storable_text(error.field), "message": storable_text(error.message)}
                for error in rejection.errors
            ]
        ),
        "rejected_at_us": rejection.rejected_at_us,
        "raw": rejection.raw,
        "raw_bytes": rejection.raw_bytes,
        "raw_sha256": rejection.raw_sha256,
    }


# What was refused may be anything, and so may the parts of it that a rejection repeats.


def _uuid(text: str | None) -> str | None:
    try:
        return str(UUID(text)) if text is not None else None
    except ValueError:
        return None
