"""Every client of every language must put a key where we look for it: the same hash as Java's and librdkafka's."""

from __future__ import annotations

import ctypes
from pathlib import Path

import confluent_kafka
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitioning import murmur2, partition_of

# From Kafka's own UtilsTest.testMurmur2 (signed there).
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), JAVA.items())
def test_the_hash_is_java_s(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@pytest.fixture(scope="module")
def librdkafka() -> ctypes.CDLL:
    """The library that confluent-kafka carries: Linux wheels keep it in one folder, macOS wheels in another."""
    package = Path(confluent_kafka.__file__).parent
    folders = (package.parent / "confluent_kafka.libs", package / ".dylibs")
    (found,) = (file for folder in folders if folder.is_dir() for file in folder.glob("librdkafka*"))
    library = ctypes.CDLL(str(found))
    library.rd_kafka_msg_partitioner_murmur2.restype = ctypes.c_int32
    library.rd_kafka_msg_partitioner_murmur2.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p,
    ]  # fmt: skip
    return library


@given(key=st.binary(max_size=300), partitions=st.integers(1, 2**31 - 1))
def test_the_partition_is_librdkafka_s(librdkafka: ctypes.CDLL, key: bytes, partitions: int) -> None:
    theirs = librdkafka.rd_kafka_msg_partitioner_murmur2(None, key, len(key), partitions, None, None)
    assert partition_of(key, partitions) == theirs


@given(key=st.text(max_size=60))
def test_text_is_its_utf_8(key: str) -> None:
    try:
        data = key.encode()
    except UnicodeEncodeError:
        return
    assert partition_of(key, 8) == partition_of(data, 8)


@given(key=st.binary(max_size=30), partitions=st.integers(1, 1000))
def test_a_partition_is_one_of_them(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions


def test_keys_spread_over_the_partitions() -> None:
    counts = [0] * 8
    for number in range(8000):
        counts[partition_of(f"demo:rent-{number}", 8)] += 1
    assert min(counts) > 800
    assert max(counts) < 1200
