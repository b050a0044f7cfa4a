"""The pace of fetches: those of a busy worker gather, because a fetch costs the same whatever it brings."""

from __future__ import annotations

# A fetch of 24 partitions costs worker and broker some 2 ms of CPU, and what it brings a transaction besides. That
# takes 15 ms and 5 more for each partition, because its broker verifies one after the other. In less time than all of
# them take, lanes go in two groups by turns, and each waits for the other's transaction as well as for its own.
GATHER_MS = 80
# Records that are fetched so close together come from a worker that has enough to do.
BUSY_S_MAX = 0.02
# As much as lanes decide in that time; what waits already comes at once.
GATHER_BYTES = 64 * 1024
# While a fetch waits at the broker, a partition that was held is not asked for: this bounds that delay.
WAIT_MS_MAX = 50


class FetchPace:
    """Says how many bytes the broker shall wait for, and for how long, before it answers the next fetch.

    Records gather while they come close together. Who comes to a quiet worker is not kept waiting.
    """

    def __init__(self) -> None:
        self._gathers = False
        self._fetched_at = float("-inf")

    def fetched(self, records: int, now: float) -> None:
        """Hear that so many records were fetched at `now` (monotonic, in seconds), none when none came for long."""
        # One that came alone after all that gathering was not worth it.
        is_busy = records > 1 if self._gathers else now - self._fetched_at < BUSY_S_MAX
        self._gathers = is_busy and records > 0
        self._fetched_at = now

    @property
    def bytes_min(self) -> int:
        return GATHER_BYTES if self._gathers else 1

    @property
    def wait_ms(self) -> int:
        return GATHER_MS if self._gathers else WAIT_MS_MAX
