"""What the stream app counts of payments and directory, as Prometheus metrics."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import Counter

DECISIONS = Counter("directpay_stream_decisions_total", "Decisions, by what came of them.", ["agent", "decision"])
REJECTIONS = Counter("directpay_stream_rejections_total", "Records refused, by reason.", ["agent", "reason"])
FORWARDED = Counter("directpay_stream_forwarded_total", "Records sent on to the partition of their key.", ["topic"])


@lru_cache(maxsize=1024)
def decision(agent: str, name: str) -> Counter:
    """Return the counter of one kind of decision; looking its labels up each time costs as much as deciding."""
    return DECISIONS.labels(agent, name)
