"""Latencies, told by their quantiles: an average hides those who waited."""

from __future__ import annotations

import math
from collections.abc import Sequence

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def quantile(ordered: Sequence[int], share: float) -> int:
    """Return the smallest of the `ordered` values that at least `share` of them do not exceed (nearest rank)."""
    assert ordered, "there is something to order"
    assert 0 < share <= 1, share
    return ordered[math.ceil(share * len(ordered)) - 1]


def latency_ms(latencies_us: Sequence[int]) -> dict[str, float]:
    """Return the quantiles and the worst of some latencies, in milliseconds; nothing when there are none."""
    if not latencies_us:
        return {}
    ordered = sorted(latencies_us)
    found = {name: quantile(ordered, share) for name, share in QUANTILES.items()} | {"max": ordered[-1]}
    return {name: round(value_us / 1000, 1) for name, value_us in found.items()}
