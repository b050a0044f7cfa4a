"""Which partition a key belongs to: murmur2, as Kafka's Java client and librdkafka's `murmur2_random` compute it."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

_SEED = 0x9747B28C
_M = 0x5BD1E995
_R = 24
_32_BITS = 0xFFFFFFFF
_WORDS = Struct("<I")
# A payment's key is asked for a few times while it is at hand; enough for some batches, about 2 MB.
KEYS_REMEMBERED_MAX = 8192


def murmur2(key: bytes) -> int:
    """Return the 32-bit MurmurHash2 of a key as an unsigned integer (Java's Utils.murmur2 is the same bits, signed)."""
    length = len(key)
    h = _SEED ^ length
    whole = length & ~3
    for (word,) in _WORDS.iter_unpack(key[:whole]):
        k = word * _M & _32_BITS
        h = (h * _M ^ (k ^ k >> _R) * _M) & _32_BITS
    if whole < length:
        h = (h ^ int.from_bytes(key[whole:], "little")) * _M & _32_BITS
    h = (h ^ h >> 13) * _M & _32_BITS
    return h ^ h >> 15


@lru_cache(maxsize=KEYS_REMEMBERED_MAX)
def partition_of(key: str | bytes, partitions: int) -> int:
    """Return the partition (from 0) of a key, text as UTF-8, among `partitions`."""
    # The sign bit is dropped, as Java's toPositive does: it is not the absolute value.
    return (murmur2(key.encode() if isinstance(key, str) else key) & 0x7FFFFFFF) % partitions
