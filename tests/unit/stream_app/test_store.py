"""A store on disk: what it holds and how far go together, and what does not fit its topic is emptied."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stream_app.exactly_once.store import DiskStore, StoreDamaged, StoreFull, StoreInUse, empty_cache, shared_cache

FILLER = """
import os, signal, sys
from pathlib import Path
from stream_app.exactly_once.store import DiskStore, shared_cache
store = DiskStore(Path(sys.argv[1]), cache=shared_cache())
store.resume(log_id="t", first=0, end=10)
for number in range(5000):
    store.write({b"k%d" % number: b"v" * 900, b"last": b"%d" % number}, next_offset=number + 1)
os.kill(os.getpid(), signal.SIGKILL)
"""

VALUE_BYTES = 900
DATA_BYTES = 5000 * VALUE_BYTES
MERGED_S_MAX = 60.0


def store_of(directory: Path) -> DiskStore:
    return DiskStore(directory, cache=shared_cache())


def filled(directory: Path, *, records: int = 3) -> None:
    chance = random.Random(1)
    store = store_of(directory)
    assert store.resume(log_id="t", first=0, end=records) == 0
    # What is random does not compress: thousands of records are many blocks.
    store.write({b"k%d" % number: chance.randbytes(VALUE_BYTES) for number in range(records)}, next_offset=records)
    store.close()


def test_an_intact_store_goes_on_where_it_was(tmp_path: Path) -> None:
    filled(tmp_path / "p")
    store = store_of(tmp_path / "p")
    assert store.resume(log_id="t", first=0, end=7) == 3
    chance = random.Random(1)
    values = [chance.randbytes(900) for _ in range(3)]
    assert store.get(b"k1") == values[1]
    assert store.get_many([b"k2", b"other", b"k0"]) == [values[2], None, values[0]]
    store.write({b"k1": None}, next_offset=7, decided=b"commands:9")
    assert store.get(b"k1") is None
    store.close()
    again = store_of(tmp_path / "p")
    assert again.resume(log_id="t", first=0, end=7) == 7
    assert again.decided == b"commands:9"
    again.close()


@pytest.mark.parametrize(
    ("log_id", "first", "end"),
    [
        pytest.param("another", 0, 7, id="of another topic of the same name"),
        pytest.param("t", 0, 2, id="ahead of its topic"),
        pytest.param("t", 5, 7, id="behind what the topic still has"),
    ],
)
def test_what_does_not_fit_the_topic_is_emptied(tmp_path: Path, log_id: str, first: int, end: int) -> None:
    filled(tmp_path / "p")
    store = store_of(tmp_path / "p")
    assert store.resume(log_id=log_id, first=first, end=end) == first
    assert store.get(b"k1") is None
    store.close()


def largest(directory: Path, pattern: str) -> Path:
    return max(directory.glob(pattern), key=lambda path: path.stat().st_size)


def test_a_store_that_cannot_be_opened_is_emptied(tmp_path: Path) -> None:
    filled(tmp_path / "p")
    largest(tmp_path / "p", "MANIFEST-*").write_bytes(b"garbage")
    store = store_of(tmp_path / "p")
    assert store.resume(log_id="t", first=0, end=3) == 0
    assert store.get(b"k1") is None
    store.close()


def test_a_store_that_turns_out_damaged_stops_its_worker_and_is_empty_the_next_time(tmp_path: Path) -> None:
    filled(tmp_path / "p", records=5000)
    table = largest(tmp_path / "p", "*.sst")
    data = bytearray(table.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = os.urandom(3000)
    table.write_bytes(data)
    store = store_of(tmp_path / "p")
    assert store.resume(log_id="t", first=0, end=5000) == 5000
    with pytest.raises(StoreDamaged):
        store.get_many([b"k%d" % number for number in range(5000)])
    store.close()
    store = store_of(tmp_path / "p")
    assert store.resume(log_id="t", first=0, end=5000) == 0
    store.close()


def test_a_store_that_is_opened_again_keeps_blocks_in_the_shared_cache_and_its_filters(tmp_path: Path) -> None:
    filled(tmp_path / "p", records=5000)
    cache = shared_cache()
    store = DiskStore(tmp_path / "p", cache=cache)
    assert store.resume(log_id="t", first=0, end=5000) == 5000
    assert store.get_many([b"k%dx" % number for number in range(5000)]) == [None] * 5000
    # Indexes, filters, and a block for every hundredth key: without filters it would be all blocks.
    assert 0 < cache.get_usage() < DATA_BYTES // 5
    assert None not in store.get_many([b"k%d" % number for number in range(5000)])
    assert cache.get_usage() > DATA_BYTES
    store.close()


def test_what_is_cached_of_a_table_goes_with_it(tmp_path: Path) -> None:
    filled(tmp_path / "p", records=5000)
    cache = shared_cache()
    store = DiskStore(tmp_path / "p", cache=cache)
    store.resume(log_id="t", first=0, end=5000)
    keys = [b"k%d" % number for number in range(5000)]
    assert None not in store.get_many(keys)
    assert cache.get_usage() > DATA_BYTES
    # Tables by the number of which RocksDB merges them, with what was there before.
    for _ in range(8):
        store.write(dict.fromkeys(keys, b"new"), next_offset=5000)
        store.flush()
    give_up_at = time.monotonic() + MERGED_S_MAX
    while cache.get_usage() > DATA_BYTES // 5:
        assert time.monotonic() < give_up_at, "blocks of tables that are gone are still cached"
        time.sleep(0.01)
    assert store.get_many(keys) == [b"new"] * 5000
    store.close()


def test_an_emptied_cache_fills_again(tmp_path: Path) -> None:
    filled(tmp_path / "p", records=5000)
    cache = shared_cache()
    store = DiskStore(tmp_path / "p", cache=cache)
    store.resume(log_id="t", first=0, end=5000)
    for _ in range(2):
        assert None not in store.get_many([b"k%d" % number for number in range(5000)])
        assert cache.get_usage() > DATA_BYTES
        empty_cache(cache)
        assert cache.get_usage() < DATA_BYTES // 100
    store.close()


def test_what_is_flushed_is_in_a_table(tmp_path: Path) -> None:
    store = store_of(tmp_path / "p")
    store.resume(log_id="t", first=0, end=1000)
    store.write({b"k%d" % number: os.urandom(VALUE_BYTES) for number in range(1000)}, next_offset=1000)
    assert not any((tmp_path / "p").glob("*.sst"))
    store.flush()
    assert sum(table.stat().st_size for table in (tmp_path / "p").glob("*.sst")) > 1000 * VALUE_BYTES
    assert None not in store.get_many([b"k%d" % number for number in range(1000)])
    store.close()


def test_after_kill_9_what_is_there_is_what_the_position_says(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", FILLER, str(tmp_path / "p")], check=False)
    assert killed.returncode == -signal.SIGKILL
    store = store_of(tmp_path / "p")
    position = store.resume(log_id="t", first=0, end=5000)
    assert position == 5000
    assert store.get(b"last") == b"%d" % (position - 1)
    store.close()


def test_a_store_that_another_has_open_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path / "p")
    first = store_of(tmp_path / "p")
    first.resume(log_id="t", first=0, end=3)
    with pytest.raises(StoreInUse):
        store_of(tmp_path / "p").resume(log_id="t", first=0, end=3)
    assert first.get(b"k1") is not None
    first.close()


@contextmanager
def files_at_most(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: writes fail as on a full disk, where root has no quota either."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_until_full(store: DiskStore, first: int) -> int:
    """Write a record at every offset from `first`; return the offset at which there was no room."""
    chance = random.Random(2)
    # More than is ever needed: the background, which runs into the limit, may be a good deal late.
    for number in range(first, first + 200_000):
        try:
            store.write({b"k%d" % number: chance.randbytes(900), b"last": b"%d" % number}, next_offset=number + 1)
        except StoreFull:
            return number
    raise AssertionError("there was always room")


def test_a_flush_without_room_is_told_and_loses_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "p")
    store = store_of(tmp_path / "p")
    store.resume(log_id="t", first=0, end=10)
    store.write({b"late": b"1"}, next_offset=4)
    with files_at_most(0), pytest.raises(StoreFull):
        store.flush()
    store.close()
    store = store_of(tmp_path / "p")
    assert store.resume(log_id="t", first=0, end=10) == 4
    assert store.get(b"late") == b"1"
    store.close()


# No byte more; in the middle of a table, which the background writes; in the middle of the write-ahead log.
@pytest.mark.parametrize("size_bytes", [0, 1_000_000, 3_000_000, 6_000_000])
def test_a_store_without_room_keeps_what_it_has_and_goes_on_when_there_is_room(tmp_path: Path, size_bytes: int) -> None:
    filled(tmp_path / "p")
    store = store_of(tmp_path / "p")
    assert store.resume(log_id="t", first=0, end=500_000) == 3
    with files_at_most(size_bytes):
        full_at = write_until_full(store, 3)
        # Its process ends with the first such error. Should it try again, nothing gets in behind the gap.
        with pytest.raises(StoreFull):
            store.write({b"late": b"1"}, next_offset=full_at + 2)
    store.close()
    with files_at_most(0), pytest.raises(StoreFull):
        store_of(tmp_path / "p").resume(log_id="t", first=0, end=500_000)
    store = store_of(tmp_path / "p")
    assert store.resume(log_id="t", first=0, end=500_000) == full_at
    assert store.get(b"late") is None
    assert store.get(b"last") == (b"%d" % (full_at - 1) if full_at > 3 else None)
    assert store.get(b"k1") is not None
    store.close()
