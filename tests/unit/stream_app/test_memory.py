"""What was freed goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import psutil
import pytest

from stream_app.exactly_once.memory import give_back_freed, keep_large_blocks_apart

BLOCK_BYTES = 64 * 1024  # Below the size from which glibc asks the system for each block.
BLOCKS = 1000
# The first large block that is freed makes glibc take the next ones from its heap, where the last one keeps the others.
LARGE_BLOCKS_FREED = """
import ctypes, psutil
from stream_app.exactly_once.memory import keep_large_blocks_apart
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
keep_large_blocks_apart()
libc.free(libc.malloc(1000_000))
blocks = [libc.malloc(1000_000) for _ in range(50)]
for block in blocks:
    ctypes.memset(block, 1, 1000_000)
held = psutil.Process().memory_info().rss
for block in blocks[:-1]:
    libc.free(block)
print(held - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this allocator is not glibc's")
def test_freed_blocks_below_one_in_use_leave_the_process() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    blocks = [libc.malloc(BLOCK_BYTES) for _ in range(BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK_BYTES)
    for block in blocks[:-1]:
        libc.free(block)
    kept = psutil.Process().memory_info().rss
    give_back_freed()
    assert kept - psutil.Process().memory_info().rss > BLOCKS * BLOCK_BYTES // 2
    libc.free(blocks[-1])


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this allocator is not glibc's")
def test_freed_large_blocks_leave_the_process_at_once() -> None:
    # A process of its own: the setting is for good.
    said = subprocess.run([sys.executable, "-c", LARGE_BLOCKS_FREED], check=True, capture_output=True)
    assert int(said.stdout) > 40_000_000


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    give_back_freed()
    keep_large_blocks_apart()
