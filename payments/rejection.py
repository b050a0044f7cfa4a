"""A refusal on record: which input was refused, why, and enough of it to mend and send it again."""

from __future__ import annotations

from dataclasses import dataclass

from payments.refusals import FieldError

# The whole value may be near the broker's limit; its hash tells whether a kept copy is the one that was refused.
RAW_BYTES_MAX = 32 * 1024

# Reasons of ours, which are no refusal by a rule.
UNDECODABLE = "undecodable"
UNKNOWN_SCHEMA = "unknown-schema"
DECISION_FAILED = "decision-failed"
INPUT_GONE = "input-gone"  # Not refused: deleted before anybody read it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """What payment-rejections carries: one record that was read and not obeyed.

    `topic`, `partition` and `offset` are the refused record's; `key` is its key, or None when it had none or one that
    is not UTF-8. `reason` is stable and public: a refusal's code, or one of ours (`undecodable`, `key-mismatch`,
    `decision-failed`, ...). The ids are given where they could be read; `entity_id` is that of a directory command.
    `raw` holds at most the first 32 KiB of the value, `raw_bytes` its full size, `raw_sha256` the hash of all of it.
    """

    topic: str
    partition: int
    offset: int
    key: str | None
    reason: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    tenant_id: str | None = None
    payment_id: str | None = None
    entity_id: str | None = None
    command_id: str | None = None
    rejected_at_us: int
    raw: bytes
    raw_bytes: int
    raw_sha256: bytes

    def __post_init__(self) -> None:
        assert len(self.raw) <= RAW_BYTES_MAX
        assert len(self.raw) <= self.raw_bytes
