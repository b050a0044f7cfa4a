"""A stock Faust worker as a process: `python -m bench.peers.stock_faust.worker JSON`, the JSON being a StockConfig."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import faust

from bench.breaking_rule import breaking
from bench.peers.stock_faust.app import StockConfig, build_app
from observability.health import HealthServer
from observability.logs import configure_logging
from payments.lifecycle import decide


def main() -> None:
    settings = json.loads(sys.argv[1])
    configure_logging(settings["instance"], "WARNING")
    rule = breaking(decide) if settings.pop("breaks", False) else decide
    config = StockConfig(**{**settings, "state_dir": Path(settings["state_dir"])})
    (config.state_dir / config.instance).mkdir(parents=True, exist_ok=True)
    app = build_app(config, rule)
    HealthServer(config.health_port, lambda: ready(app)).start()
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False, quiet=True).execute_from_commandline()


def ready(app: Any) -> tuple[bool, dict[str, Any]]:
    """Ready as our worker is: partitions assigned, none of them being restored."""
    assigned = len(app.assignor.assigned_actives()) > 0
    is_ready = assigned and not app.rebalancing and app.tables.actives_ready and not app.tables.recovery.in_recovery
    return is_ready, {"assigned": assigned, "rebalancing": app.rebalancing}


if __name__ == "__main__":
    main()
