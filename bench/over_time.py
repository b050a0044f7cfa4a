"""What was seen of a system from time to time: its rate in slices, and how its memory moved."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

SLICE_S = 10.0

Counted = tuple[float, int]
Resident = tuple[float, Mapping[str, int]]


def rates(seen: Sequence[Counted], began_s: float, ended_s: float) -> list[float]:
    """Return how much came a second in each slice of SLICE_S; what is left at the end is of the last one.

    `seen` holds times and counts in their order; between two looks it is taken to have come evenly.
    """
    slices = max(1, int((ended_s - began_s) / SLICE_S))
    edges = [*(began_s + number * SLICE_S for number in range(slices)), ended_s]
    return [round((_count_at(seen, end) - _count_at(seen, begin)) / (end - begin), 1) for begin, end in pairwise(edges)]


def memory_figures(samples: Sequence[Resident]) -> dict[str, dict[str, float]]:
    """Return by kind the least and the most memory in MiB, what it was after a quarter, a half and at the end.

    `growth_percent` is from the quarter to the end: before, caches fill and allocators reach their size.
    """
    quarter, half = (samples[round(share * (len(samples) - 1))][1] for share in (0.25, 0.5))
    end = samples[-1][1]
    kinds = sorted({kind for _, resident in samples for kind in resident})
    return {kind: _moved(kind, samples, quarter, half, end) for kind in kinds}


def memory_series(samples: Sequence[Resident], began_s: float) -> dict[str, Any]:
    """Return the samples as columns: seconds since the beginning, and the MiB of each kind."""
    kinds = sorted({kind for _, resident in samples for kind in resident})
    return {
        "s": [round(at_s - began_s, 1) for at_s, _ in samples],
        "mib": {kind: [resident.get(kind, 0) for _, resident in samples] for kind in kinds},
    }


def _moved(
    kind: str, samples: Sequence[Resident], quarter: Mapping[str, int], half: Mapping[str, int], end: Mapping[str, int]
) -> dict[str, float]:
    of = [resident[kind] for _, resident in samples if kind in resident]
    after_quarter, after_half, at_end = (at.get(kind, 0) for at in (quarter, half, end))
    return {
        "min": min(of),
        "max": max(of),
        "quarter": after_quarter,
        "half": after_half,
        "end": at_end,
        "growth_percent": round(100 * (at_end / after_quarter - 1), 1) if after_quarter else 0.0,
    }


def _count_at(seen: Sequence[Counted], at_s: float) -> float:
    after = bisect_right(seen, at_s, key=lambda look: look[0])
    if after == 0:
        return seen[0][1]
    before_s, before = seen[after - 1]
    if after == len(seen):
        return before
    later_s, later = seen[after]
    return before + (later - before) * (at_s - before_s) / (later_s - before_s)
