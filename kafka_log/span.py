"""Reading a span of the log: from given offsets to given ends, and no further."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import KafkaError, KafkaException, Message

from kafka_log.connection import TIMED_OUT
from kafka_log.reader import LogReader, Place, place_of

RECORDS_A_READ_MAX = 2000
READ_WAIT_S = 0.2
# Longer than a broker's restart.
SILENCE_S_MAX = 30.0


def read_span(
    reader: LogReader,
    first: Mapping[Place, int],
    ends: Mapping[Place, int],
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[Message]:
    """Yield the records from `first` on and before `ends`, each partition in order; what was read before is dropped.

    `progress` is told how many offsets are passed, of how many. Raises LogGap, and KafkaException when the client can
    no longer work or nothing is heard for SILENCE_S_MAX.
    """
    left = {place: end for place, end in ends.items() if first[place] < end}
    reader.assign({place: first[place] for place in left})
    total = sum(end - first[place] for place, end in left.items())
    silence = _Silence()
    while to_go := sum(max(0, end - reader.positions[place]) for place, end in left.items()):
        silence.check(to_go)
        progress(total - to_go, total)
        for message in reader.read(RECORDS_A_READ_MAX, READ_WAIT_S):
            if (message.offset() or 0) < left.get(place_of(message), 0):
                yield message
    progress(total, total)


def places_with_records(reader: LogReader, first: Mapping[Place, int], ends: Mapping[Place, int]) -> set[Place]:
    """Return which partitions have a record from `first` on and before `ends`; what transactions leave is none.

    Raises as `read_span` does.
    """
    found: set[Place] = set()
    left = {place: end for place, end in ends.items() if first[place] < end}
    reader.assign({place: first[place] for place in left})
    silence = _Silence()
    while left:
        silence.check(len(left))
        for message in reader.read(RECORDS_A_READ_MAX, READ_WAIT_S):
            place = place_of(message)
            if (message.offset() or 0) < left.get(place, 0):
                found.add(place)
        left = {place: end for place, end in left.items() if place not in found and reader.positions[place] < end}
    return found


class _Silence:
    """Gives up when what is left has stayed the same for too long."""

    def __init__(self) -> None:
        self._left = -1
        self._heard_at = time.monotonic()

    def check(self, left: int) -> None:
        now = time.monotonic()
        if left != self._left:
            self._left, self._heard_at = left, now
        elif now - self._heard_at > SILENCE_S_MAX:
            raise KafkaException(KafkaError(TIMED_OUT, f"nothing was heard for {SILENCE_S_MAX:.0f} s"))
