"""What was freed goes back to the system."""

from __future__ import annotations

import ctypes

import psutil
import pytest

from stream_app.exactly_once.memory import give_back_freed

BLOCK_BYTES = 64 * 1024  # Below the size from which glibc asks the system for each block.
BLOCKS = 1000


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


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    give_back_freed()
