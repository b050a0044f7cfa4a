"""Memory: what was freed goes back to the system; glibc's allocator keeps most of it for the process."""

from __future__ import annotations

import ctypes

# glibc's own beginning: it moves the bound up to 32 MiB as larger blocks are freed.
LARGE_BLOCK_BYTES = 128 * 1024
_M_MMAP_THRESHOLD = -3  # As malloc.h has it.


def keep_large_blocks_apart() -> None:
    """Have every large block mapped by itself, so that it is gone when it is freed (glibc); elsewhere do nothing.

    Read-ahead, write buffers and indexes of tables come and go by the megabyte. Among small blocks that stay they leave
    holes, which cannot be given back: the more, the longer a restore.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def give_back_freed() -> None:
    """Ask the allocator to return free pages to the system, where it can (glibc); elsewhere do nothing."""
    if _trim is not None:
        _trim(0)


# Looked up once: every look makes a class, which only the cycle collector frees.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
