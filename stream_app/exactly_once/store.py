"""Stores: a lane's state on disk, with the offset of its topic up to which it holds it, so that a restart reads a tail.

The topic stays the truth: a store that is missing, damaged, or of another topic is emptied and filled from it again.
A full disk is no damage: what is written stays, and the next start goes on from it once there is room.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import structlog
from rocksdict import BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch

# RocksDB's own defaults (2 GiB of cache and 128 MiB of buffers for each store) would not fit a process with 16 stores.
CACHE_BYTES = 64 * 1024 * 1024  # For all stores of the process together, their indexes and filters included.
WRITE_BUFFER_BYTES = 4 * 1024 * 1024
WRITE_BUFFERS_MAX = 2
OPEN_FILES_MAX = 128
TABLE_BYTES = 32 * 1024 * 1024  # What its writer keeps of every key until its end leaves holes in glibc's heap.
BLOOM_BITS = 10  # One lookup in a hundred of a key that is not there reads a block.
INDEX_KEYS_SHARED = 4  # Of so many keys only the first is whole: an index of less than half the size, no slower.
LOG_BYTES_MAX = 1024 * 1024

# No key of a record begins with NUL.
_POSITION = b"\0position"
_DAMAGED = "damaged"
# RocksDB tells its errors as text, which ends with the system's own: a full disk, a quota, a limit on file sizes.
_NO_ROOM = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

log = structlog.get_logger()


class StoreDamaged(Exception):
    """The store cannot be read or written; it has been marked, and whoever opens it next begins with an empty one."""


class StoreFull(Exception):
    """The disk has no room for a write. After the first such error RocksDB refuses all others: the process must end."""


class StoreInUse(Exception):
    """Another process has the store open: two workers were given the same instance name and directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The store holds all records of this log (a partition of one topic, for good) that are before `next_offset`.

    `decided` is how far the input was decided then (`stream_app.exactly_once.decided`).
    """

    log_id: str
    next_offset: int
    decided: str = ""


class DiskStore:
    """One lane's state in a directory of its own. Used by one thread at a time."""

    def __init__(self, directory: Path, *, cache: Cache) -> None:
        self._directory = directory
        self._options = _options(cache)
        self._log_id = ""
        self._db: Any = None
        self.decided = b""

    def resume(self, *, log_id: str, first: int, end: int) -> int:
        """Open the store; return the offset of the first record that it lacks of the log, which has `first` to `end`.

        What does not fit (another log, records that the log does not have or no longer has, damage) is emptied.
        """
        self._log_id = log_id
        position, reason = self._open()
        if reason is None and position is not None:
            if position.log_id != log_id:
                reason = "of another log"
            elif not first <= position.next_offset <= end:
                reason = f"at {position.next_offset}, the topic has {first} to {end}"
            else:
                self.decided = position.decided.encode()
                return position.next_offset
        if reason is not None:
            log.warning("store_rebuilt", directory=self._directory.name, reason=reason)
            self._empty()
        # An empty store is of a log as well; without a position the next start would take it for a torso.
        self.write({}, next_offset=first)
        return first

    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._damaged(error) from error
        return value

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """Return the values in the order of their keys: a quarter of the time of single lookups."""
        try:
            values: list[bytes | None] = self._db.get(keys)
        except Exception as error:
            raise self._damaged(error) from error
        return values

    def write(self, changes: Mapping[bytes, bytes | None], *, next_offset: int, decided: bytes | None = None) -> None:
        """Write the changes (None deletes) and the position after them: both or neither are there after a crash.

        Without `decided` it stays what it was.
        """
        if decided is not None:
            self.decided = decided
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        position = Position(log_id=self._log_id, next_offset=next_offset, decided=self.decided.decode())
        batch.put(_POSITION, msgspec.json.encode(position))
        try:
            # In the page cache, not synced: after a power cut the store is an earlier one, and its position says so.
            self._db.write(batch)
        except Exception as error:
            # Also of an earlier write: it is in memory only when the background fails to put it into a table.
            raise self._not_written(error) from error

    def flush(self) -> None:
        """Put what is in the write buffers into a table, and so let go of them."""
        try:
            self._db.flush()
        except Exception as error:
            raise self._not_written(error) from error

    def close(self) -> None:
        """Let go of the store; what cannot be flushed any more (a full disk) stays in its write-ahead log."""
        if self._db is None:
            return
        try:
            self._db.close()
        except Exception as error:
            log.warning("store_not_flushed", directory=self._directory.name, reason=str(error))
        self._db = None

    def _open(self) -> tuple[Position | None, str | None]:
        """Open what is there; return its position, and why it cannot be used if so."""
        if (self._directory / _DAMAGED).exists():
            return None, "was found damaged"
        self._directory.mkdir(parents=True, exist_ok=True)
        was_empty = not any(self._directory.iterdir())
        try:
            self._db = self._rocksdb()
            raw = self._db.get(_POSITION)
            if raw is not None:
                return msgspec.json.decode(raw, type=Position), None
        except Exception as error:
            if f"{self._directory.name}/LOCK" in str(error):
                raise StoreInUse(str(error)) from error
            # Emptied, it would be read from its topic again at every start until there is room.
            if _has_no_room(error):
                raise self._full(error) from error
            return None, f"cannot be opened: {error}"
        # Without a position nothing says how far it is: a restore that was cut short before its first write.
        return None, None if was_empty else "has no position"

    def _empty(self) -> None:
        self.close()
        shutil.rmtree(self._directory)
        self._directory.mkdir(parents=True)
        self._db = self._rocksdb()

    def _rocksdb(self) -> Rdict:
        # Named, or rocksdict opens a store that is there with what is written in it: neither our cache nor any filter.
        db = Rdict(str(self._directory), self._options, column_families={"default": self._options})
        # Or the cache keeps indexes and filters of tables that are merged and gone. rocksdict's options lack it.
        db.set_options({"uncache_aggressiveness": "1000"})
        return db

    def _not_written(self, error: Exception) -> StoreFull | StoreDamaged:
        return self._full(error) if _has_no_room(error) else self._damaged(error)

    def _full(self, error: Exception) -> StoreFull:
        return StoreFull(f"{self._directory.name}: {error}")

    def _damaged(self, error: Exception) -> StoreDamaged:
        (self._directory / _DAMAGED).touch()
        return StoreDamaged(f"{self._directory.name}: {error}")


def _has_no_room(error: Exception) -> bool:
    return any(text in str(error) for text in _NO_ROOM)


def shared_cache() -> Cache:
    """Return the cache that all stores of a process share."""
    return Cache(CACHE_BYTES)


def empty_cache(cache: Cache) -> None:
    """Drop what is cached and not in use: after a restore, mostly the indexes of tables that are merged and gone."""
    cache.set_capacity(0)
    cache.set_capacity(CACHE_BYTES)


def _options(cache: Cache) -> Options:
    blocks = BlockBasedOptions()
    blocks.set_block_cache(cache)
    # Otherwise they are held in memory beside the cache, and grow with the state.
    blocks.set_cache_index_and_filter_blocks(True)
    # Index by piece: as one block, that of a large table is most of one of the cache's 64 parts, and two in the same
    # part push each other out at every lookup.
    blocks.set_index_type(BlockBasedIndexType.two_level_index_search())
    blocks.set_index_block_restart_interval(INDEX_KEYS_SHARED)
    blocks.set_bloom_filter(BLOOM_BITS, False)
    blocks.set_format_version(5)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(WRITE_BUFFERS_MAX)
    options.set_max_open_files(OPEN_FILES_MAX)
    options.set_target_file_size_base(TABLE_BYTES)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(LOG_BYTES_MAX)
    return options
