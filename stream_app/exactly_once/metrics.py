"""What the runtime counts, as Prometheus metrics; `agent` is the name of the agent whose lanes they are."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("directpay_stream_records_total", "Records decided.", ["agent", "topic"])
BATCH_RECORDS = Histogram(
    "directpay_stream_batch_records", "Records of a batch.", ["agent"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
COMMIT_S = Histogram(
    "directpay_stream_commit_seconds",
    "A batch's transaction, from its begin to its commit.",
    ["agent"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
WRITTEN = Counter("directpay_stream_written_total", "Records written and committed.", ["topic"])
FENCE_S = Histogram(
    "directpay_stream_fence_seconds",
    "Becoming the only writer under the worker's name.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20),
)
LAG = Gauge("directpay_stream_lag_records", "Records after the last decided one.", ["topic", "partition"])
RESTORED = Counter("directpay_stream_restored_records_total", "Records read to restore state.", ["topic", "partition"])
RESTORE_S = Histogram(
    "directpay_stream_restore_seconds",
    "Restore of one partition.",
    ["topic"],
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300),
)
OPEN_LANES = Gauge("directpay_stream_open_lanes", "Lanes that are restored and deciding.", ["agent"])
WAITING_LANES = Gauge("directpay_stream_waiting_lanes", "Lanes that wait for something outside.", ["agent"])
OFFSETS_BEHIND = Counter(
    "directpay_stream_offsets_behind_total",
    "Inputs whose committed offset was behind what the log tells is decided, and that were read from there.",
    ["agent"],
)
DELETED_TO = Gauge(
    "directpay_stream_deleted_to_offset",
    "The first record of an input that is left: what is before it was decided and is deleted.",
    ["topic", "partition"],
)
GAP_RECORDS = Counter(
    "directpay_stream_gap_records_total",
    "Offsets that were gone before they were decided, and that somebody accepted.",
    ["topic", "partition"],
)
REBALANCES = Counter("directpay_stream_rebalances_total", "Assignments received.")
