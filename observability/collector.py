"""Python's collector of cycles, told how a process that works in batches, or in requests, uses memory."""

from __future__ import annotations

import gc

# Some batches' worth. By default (700) a twentieth to a tenth of the time goes into looking for cycles.
COLLECT_AFTER_OBJECTS = 50_000


def let_collector_rest() -> None:
    """Look for cycles seldom: what is loaded by now stays, and what a batch or a request makes dies with it."""
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
