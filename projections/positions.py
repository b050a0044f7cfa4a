"""The stored positions: where they begin, and whether they are of the log that is read."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
import structlog

from projections.batch import Place
from projections.log_source import Extent
from projections.named_sql import LIVE_SCHEMA, statement
from schemas.topics import PAYMENT_REJECTIONS, WEBHOOK_DELIVERIES

log = structlog.get_logger(__name__)

# Kept for 30 days in the log: what is gone of them is older than that.
_EXPIRING = frozenset({PAYMENT_REJECTIONS.name, WEBHOOK_DELIVERIES.name})


class ForeignLog(Exception):
    """The positions in Postgres are not of this Kafka: projecting on would mix two logs."""


def open_positions(connection: psycopg.Connection, extents: Mapping[Place, Extent], schema: str = LIVE_SCHEMA) -> None:
    """Let partitions that were never projected begin where the log begins."""
    places = sorted(extents)
    connection.execute(
        statement("open_positions", schema=schema),
        {
            "topics": [topic for topic, _ in places],
            "partitions": [partition for _, partition in places],
            "topic_ids": [extents[place].topic_id for place in places],
            "begins": [extents[place].begin for place in places],
            "log_ends": [extents[place].end for place in places],
        },
    )


def require_of_this_log(topic: str, partition: int, topic_id: str, position: int, extent: Extent) -> None:
    """Raise ForeignLog when the stored position cannot be one of this log."""
    if topic_id != extent.topic_id:
        raise ForeignLog(f"the views were projected from another topic {topic} ({topic_id}, here {extent.topic_id})")
    if position > extent.end:
        raise ForeignLog(
            f"the views are projected to offset {position} of {topic}[{partition}], which ends at {extent.end}"
        )


def require_not_expired(topic: str, partition: int, position: int, extent: Extent) -> int:
    """Return where to read on, or raise ForeignLog when records that were not projected are gone."""
    if position < extent.begin:
        if topic not in _EXPIRING:
            raise ForeignLog(
                f"the views are projected to offset {position} of {topic}[{partition}], "
                f"which now begins at {extent.begin}"
            )
        log.warning("records_expired", topic=topic, partition=partition, projected_to=position, begins_at=extent.begin)
    return position
