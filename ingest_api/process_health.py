"""How the other processes are, asked where the operator says that they tell it: /health/ready and /metrics."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode, urlsplit

from prometheus_client.parser import text_string_to_metric_families

ANSWER_S_MAX = 1.0  # A healthy process answers in milliseconds; a paused one must not hold up the others' news.
BODY_BYTES_MAX = 64 * 1024
# What a process has still to do, by the gauges that say so; each is summed over its partitions.
LAG_METRICS = frozenset({"directpay_stream_lag_records", "directpay_projector_lag"})
IN_HAND_METRICS = frozenset({"directpay_gateway_in_hand"})
METRICS_PATH = f"/metrics?{urlencode([('name[]', name) for name in sorted(LAG_METRICS | IN_HAND_METRICS)])}"


class Condition(StrEnum):
    """What a process said of itself; `down`: nothing within the time-out."""

    READY = "ready"
    UNREADY = "unready"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """A process at one moment. None where it counts no such thing: records not taken up, payments in its memory."""

    process: str
    condition: Condition
    lag: int | None
    in_hand: int | None


class ProcessHealth:
    """Asks the processes at these URLs (scheme, host and port), by name, all at once and each within a bound."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = dict(urls)

    async def states(self) -> list[ProcessState]:
        """Return every process's state, in the order in which the URLs were given."""
        # In threads: these are a handful of short questions, and the standard library asks them without a pool to keep.
        return await asyncio.gather(*(asyncio.to_thread(_state, name, url) for name, url in self._urls.items()))


def _state(name: str, url: str) -> ProcessState:
    try:
        status, body = _get(url, "/health/ready")
        said = json.loads(body)
    except (OSError, http.client.HTTPException, ValueError):
        return ProcessState(process=name, condition=Condition.DOWN, lag=None, in_hand=None)
    condition = Condition.READY if status == http.client.OK and isinstance(said, dict) else Condition.UNREADY
    gauges = _gauges(url)
    return ProcessState(
        process=name, condition=condition, lag=_sum(gauges, LAG_METRICS), in_hand=_sum(gauges, IN_HAND_METRICS)
    )


def _gauges(url: str) -> dict[str, float]:
    """Return the gauges of a process, summed over their labels; none where it has no metrics or they cannot be read."""
    gauges: dict[str, float] = {}
    try:
        status, body = _get(url, METRICS_PATH)
        if status != http.client.OK:
            return {}
        for family in text_string_to_metric_families(body.decode()):
            for sample in family.samples:
                gauges[sample.name] = gauges.get(sample.name, 0.0) + sample.value
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return gauges


def _sum(gauges: Mapping[str, float], names: frozenset[str]) -> int | None:
    found = [gauges[name] for name in names if name in gauges]
    return int(sum(found)) if found else None


def _get(url: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(BODY_BYTES_MAX + 1)
        if len(body) > BODY_BYTES_MAX:
            raise ValueError("longer than any health of ours")
        return answer.status, body
    finally:
        connection.close()


def state_body(state: ProcessState) -> dict[str, Any]:
    """Return a state as the API shows it: not its address, nor anything else that it says of itself."""
    return {
        "process": state.process,
        "status": state.condition.value,
        "lag": state.lag,
        "in_hand": state.in_hand,
    }
