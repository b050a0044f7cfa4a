"""The stream app's composition: two agents on one worker, with health beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from kafka_log.topics_admin import require_partitions
from observability.health import HealthServer
from observability.logs import configure_logging
from stream_app import GROUP
from stream_app.agents import add_agents
from stream_app.exactly_once.fail_stop import fail_stop
from stream_app.exactly_once.gaps import Gap, parse_gaps
from stream_app.exactly_once.records import OutputRecord
from stream_app.exactly_once.retention import TRIM_EVERY_S
from stream_app.exactly_once.worker import LaneApp, WorkerConfig, run_worker
from stream_app.rejections import input_gone, rejection_record
from stream_app.schema_source import SchemaSource

DAY_S = 24 * 60 * 60

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """`instance` is this worker's stable name: a restart under it takes its partitions back without a rebalance.

    `schema_registry_url` is where unknown schema ids are asked for; `rail_speed` divides the rails' delays.
    `ach_lead_us` is how long before a window closes an ACH file is cut off; None: ACH settles by delays as well.
    `input_kept_s` is how long decided input is kept, `accept_gap` which input may be gone undecided (`gaps.Gap`).
    Workers of one `group` share the partitions; two groups on the same topics would both write the same tables.
    """

    bootstrap: str
    partitions: int
    state_dir: Path
    instance: str
    health_port: int
    health_host: str = "127.0.0.1"
    rail_speed: float = 1.0
    ach_lead_us: int | None = None
    schema_registry_url: str | None = None
    log_level: str = "INFO"
    group: str = GROUP
    input_kept_s: float = 7 * DAY_S
    trim_every_s: float = TRIM_EVERY_S
    accept_gap: str = ""


def run(config: StreamConfig) -> None:
    """Decide until SIGTERM or SIGINT, then return; any failure ends the process with a status other than zero."""
    configure_logging(config.instance, config.log_level)
    try:
        require_partitions(config.bootstrap, config.partitions)
        app = build_app(config)
        HealthServer(config.health_port, app.ready, host=config.health_host).start()
    except Exception as error:
        fail_stop("start_failed", error)
    log.info("stream_started", instance=config.instance, kafka=config.bootstrap)
    run_worker(app)
    log.info("stream_stopped", instance=config.instance)


def build_app(config: StreamConfig) -> LaneApp:
    """Return the app with its agents, connected to nothing yet."""
    app = LaneApp(
        WorkerConfig(
            name=config.group,
            bootstrap=config.bootstrap,
            partitions=config.partitions,
            instance=config.instance,
            directory=Path(config.state_dir) / config.instance,
            accept_gap=_accepting(parse_gaps(config.accept_gap)),
            kept_s=config.input_kept_s,
            trim_every_s=config.trim_every_s,
        )
    )
    add_agents(
        app,
        partitions=config.partitions,
        rail_speed=config.rail_speed,
        ach_lead_us=config.ach_lead_us,
        schemas=SchemaSource(config.schema_registry_url),
    )
    return app


def _accepting(gaps: frozenset[Gap]) -> Callable[[Gap], OutputRecord | None]:
    return lambda gap: rejection_record(input_gone(gap)) if gap in gaps else None
