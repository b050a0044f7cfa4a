"""What the stream app counts of payments and directory, as Prometheus metrics."""

from __future__ import annotations

import collections
from collections.abc import Iterable

from prometheus_client import Counter

DECISIONS = Counter("directpay_stream_decisions_total", "Decisions, by what came of them.", ["agent", "decision"])
REJECTIONS = Counter("directpay_stream_rejections_total", "Records refused, by reason.", ["agent", "reason"])
FORWARDED = Counter("directpay_stream_forwarded_total", "Records sent on to the partition of their key.", ["topic"])


def count(counter: Counter, names: Iterable[str], *labels: str) -> None:
    """Count a batch's happenings by name: once a batch, because counting each costs as much as a lookup."""
    for name, number in collections.Counter(names).items():
        counter.labels(*labels, name).inc(number)
