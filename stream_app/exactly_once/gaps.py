"""Gaps: input that is gone from the log and was never decided. A worker goes on behind one only when told which.

Also where nothing is committed and the log no longer begins at 0: whether what is gone was decided, nobody can say
(a group's offsets may have expired), so a person has to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stream_app.exactly_once.records import TopicPartitionNumber

_WRITTEN = re.compile(r"(?P<topic>[A-Za-z0-9._-]+)-(?P<partition>\d+):(?P<first>\d+)-(?P<last>\d+)", re.ASCII)


class InputGone(Exception):
    """Records were deleted before they were decided."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        self.gaps = tuple(gaps)
        super().__init__(
            "; ".join(
                f"{gap.topic}-{gap.partition}: the log begins at {gap.last + 1}, decided is up to {gap.first}"
                for gap in self.gaps
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Gap:
    """The offsets from `first` to `last`, both gone, of a partition of an input."""

    topic: str
    partition: int
    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Gap:
        """Return the gap that `topic-partition:first-last` names; raises ValueError."""
        found = _WRITTEN.fullmatch(text.strip())
        if found is None or int(found["first"]) > int(found["last"]):
            raise ValueError(f"{text!r} is no gap: write topic-partition:first-last, such as orders-3:1200-1500")
        return cls(
            topic=found["topic"],
            partition=int(found["partition"]),
            first=int(found["first"]),
            last=int(found["last"]),
        )

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}:{self.first}-{self.last}"


def parse_gaps(text: str) -> frozenset[Gap]:
    """Return the gaps of a list with commas between them; raises ValueError."""
    return frozenset(Gap.parse(each) for each in text.split(",") if each.strip())


def find_gaps(
    committed: Mapping[TopicPartitionNumber, int | None], begins: Mapping[TopicPartitionNumber, int]
) -> list[Gap]:
    """Return what lies between the committed offset of each partition (or 0) and where its log begins now."""
    return [
        Gap(topic=topic, partition=number, first=decided_to or 0, last=begins[topic, number] - 1)
        for (topic, number), decided_to in sorted(committed.items())
        if (decided_to or 0) < begins[topic, number]
    ]
