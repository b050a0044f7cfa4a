"""Intake: what a record of a command topic is before anything is decided: an order, a stray, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

import msgspec

from payments.rejection import Rejection
from schemas import codec
from schemas.partitioning import partition_of
from schemas.topics import RECORD_BYTES_MAX
from stream_app.exactly_once.records import InputRecord, OutputRecord
from stream_app.rejections import refused_unread, refused_value

# A tenant's id and an idempotency key have 320 characters at most, of at most 4 bytes.
KEY_BYTES_MAX = 2048

Order = TypeVar("Order")


class Stray(msgspec.Struct, frozen=True, kw_only=True):
    """A record on a partition that murmur2 does not give for its key: a lookup there would miss its payment."""

    forwarded: OutputRecord


# An order, or what it is instead of one.
Read: TypeAlias = Order | Stray | Rejection | codec.UnknownSchema


class Intake(Generic[Order]):
    """Reads the records of some topics: `accepts` says which values a topic carries, `key_of` the key of each."""

    def __init__(
        self, *, accepts: dict[str, tuple[type[Order], ...]], key_of: Callable[[Order], str], partitions: int
    ) -> None:
        self._accepts = accepts
        self._key_of = key_of
        self._partitions = partitions

    def read(self, record: InputRecord, *, is_at_home: bool) -> Read[Order]:
        """Return what the record is, or UnknownSchema when that has to be resolved first.

        `is_at_home` says that its key is known to belong here, which spares looking at it.
        """
        if _size(record) > RECORD_BYTES_MAX:
            # It could not be written again, neither forwarded nor in a rejection that held its key.
            return refused_unread(record, "record-too-large", f"must be at most {RECORD_BYTES_MAX} bytes")
        if not is_at_home and (turned := self._turned_away(record)) is not None:
            return turned
        try:
            value = codec.decode(record.value)
        except codec.Undecodable as error:
            return refused_unread(record, error.reason, error.detail, error.errors, error.fields)
        except codec.UnknownSchema as error:
            return error
        accepted = self._accepts[record.topic]
        if not isinstance(value, accepted):
            names = " or ".join(kind.__name__ for kind in accepted)
            return refused_unread(record, "undecodable", f"{record.topic} takes {names}, not {type(value).__name__}")
        if self._key_of(value).encode() != record.key:
            return refused_value(record, value, "key-mismatch", f"the key of this value is {self._key_of(value)!r}")
        return value

    def _turned_away(self, record: InputRecord) -> Rejection | Stray | None:
        """Refuse a key that names nothing, send another on to its partition; None for one that belongs here."""
        if record.key is not None and len(record.key) > KEY_BYTES_MAX:
            return refused_unread(record, "key-mismatch", f"the key is longer than {KEY_BYTES_MAX} bytes")
        if record.key is None or key_text(record) is None:
            return refused_unread(record, "key-mismatch", "the key is missing or not UTF-8")
        right = partition_of(record.key, self._partitions)
        return None if right == record.partition else Stray(forwarded=_forwarded(record, right))


def key_text(record: InputRecord) -> str | None:
    """Return the record's key, or None when it has none that names anything."""
    key = record.key
    # A store keeps what is its own under NUL: no record may be looked up there.
    if key is None or len(key) > KEY_BYTES_MAX or key.startswith(b"\0"):
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None


def _forwarded(record: InputRecord, partition: int) -> OutputRecord:
    return OutputRecord(
        topic=record.topic, key=record.key, value=record.value, headers=list(record.headers), partition=partition
    )


def _size(record: InputRecord) -> int:
    size = len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size += len(name) + len(value or b"")
    return size
