"""The newest of every key, on disk and in the order of keys: memory does not grow with the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rocksdict import BlockBasedOptions, Cache, DBCompactionStyle, DBCompressionType, Options, Rdict, WriteOptions

CACHE_BYTES = 64 * 1024 * 1024
WRITE_BUFFER_BYTES = 32 * 1024 * 1024
OPEN_FILES_MAX = 256
BLOOM_BITS = 10  # Most keys are asked for when they are new, and then no block has to be read.


class Scratch:
    """Maps in a folder of its own, which nobody needs after a crash."""

    def __init__(self, folder: Path) -> None:
        self._db: Any = Rdict(str(folder), _options())
        # A property, which its type stub takes for a method.
        writing: Any = WriteOptions()
        writing.disable_wal = True
        self._db.set_write_options(writing)

    def newest(self, mark: bytes) -> Newest:
        """Return the map whose keys are marked with this byte."""
        assert len(mark) == 1, "a longer mark could begin with another"
        return Newest(self._db, mark)

    def close(self) -> None:
        self._db.close()


class Newest:
    """A map of bytes. `count` is how many keys it has."""

    def __init__(self, db: Any, mark: bytes) -> None:
        self._db = db
        self._mark = mark
        self.count = 0

    def get(self, key: bytes) -> bytes | None:
        value: bytes | None = self._db.get(self._mark + key)
        return value

    def put(self, key: bytes, value: bytes, *, is_new: bool) -> None:
        self._db[self._mark + key] = value
        self.count += is_new

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every key and its value in the order of keys."""
        for key, value in self._db.items(from_key=self._mark):
            if key[:1] != self._mark:
                return
            yield key[1:], value


def _options() -> Options:
    blocks = BlockBasedOptions()
    blocks.set_block_cache(Cache(CACHE_BYTES))
    blocks.set_cache_index_and_filter_blocks(True)
    blocks.set_bloom_filter(BLOOM_BITS, False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_open_files(OPEN_FILES_MAX)
    options.set_compression_type(DBCompressionType.lz4())
    # It is written once and read once: fewer rewrites are worth more than fast lookups.
    options.set_compaction_style(DBCompactionStyle.universal())
    return options
