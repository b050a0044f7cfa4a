"""Intake: what a record of a command topic is before anything is decided: an order, a stray, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
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

    def read(self, record: InputRecord, is_at_home: Callable[[str], bool]) -> Read[Order]:
        """Return what the record is, or UnknownSchema when that has to be resolved first.

        `is_at_home` says whether a key is known to belong here, which spares its hash.
        """
        if _size(record) > RECORD_BYTES_MAX:
            # It could not be written again, neither forwarded nor in a rejection that held its key.
            return refused_unread(record, "record-too-large", f"must be at most {RECORD_BYTES_MAX} bytes")
        if record.key is not None and len(record.key) > KEY_BYTES_MAX:
            return refused_unread(record, "key-mismatch", f"the key is longer than {KEY_BYTES_MAX} bytes")
        try:
            key = record.key.decode() if record.key is not None else None
        except UnicodeDecodeError:
            key = None
        if key is None:
            return refused_unread(record, "key-mismatch", "the key is missing or not UTF-8")
        if not is_at_home(key) and (right := partition_of(key, self._partitions)) != record.partition:
            return Stray(forwarded=_forwarded(record, right))
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
        if self._key_of(value) != key:
            return refused_value(record, value, "key-mismatch", f"the key of this value is {self._key_of(value)!r}")
        return value


def keys_of(records: Iterable[InputRecord]) -> Iterator[str]:
    """Yield the keys of the records that have one that can be read."""
    for record in records:
        if record.key is not None and len(record.key) <= KEY_BYTES_MAX:
            with suppress(UnicodeDecodeError):
                yield record.key.decode()


def _forwarded(record: InputRecord, partition: int) -> OutputRecord:
    return OutputRecord(
        topic=record.topic, key=record.key, value=record.value, headers=list(record.headers), partition=partition
    )


def _size(record: InputRecord) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
