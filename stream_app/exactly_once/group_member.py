"""Who commits: this worker's place in the consumer group, as librdkafka writes it for the broker to check."""

from __future__ import annotations

from dataclasses import dataclass

# librdkafka's own version of the layout (rdkafka_cgrp.c, rd_kafka_consumer_group_metadata_write).
MAGIC = b"CGMDv2:"
WITHOUT_INSTANCE = b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """A member of `group` in one generation; `instance` is its stable name, if it has one."""

    group: str
    generation: int
    member_id: str
    instance: str | None

    def metadata(self) -> bytes:
        """Return the bytes that `send_offsets_to_transaction` takes: offsets of a stale generation are refused by them.

        The member is aiokafka's and the producer librdkafka's, which offers no public way to say so. A contract test
        holds the layout.
        """
        instance = WITHOUT_INSTANCE if self.instance is None else b"\0" + _text(self.instance)
        generation = self.generation.to_bytes(4, "little", signed=True)
        return MAGIC + generation + _text(self.group) + _text(self.member_id) + instance


def _text(text: str) -> bytes:
    return text.encode() + b"\0"
