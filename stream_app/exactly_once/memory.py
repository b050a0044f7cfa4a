"""Memory: what a restore has freed goes back to the system; glibc's allocator keeps most of it for the process."""

from __future__ import annotations

import ctypes


def give_back_freed() -> None:
    """Ask the allocator to return free pages to the system, where it can (glibc); elsewhere do nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
