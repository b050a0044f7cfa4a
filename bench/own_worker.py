"""Our stream worker as a process: `python -m bench.own_worker JSON`, the JSON being a StreamConfig."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.breaking_rule import breaking
from stream_app import agents
from stream_app.app import StreamConfig, run
from stream_app.decisions import PaymentDecisions, payment_decisions


def main() -> None:
    settings = json.loads(sys.argv[1])
    if settings.pop("breaks", False):
        _break_the_rule()
    run(StreamConfig(**{**settings, "state_dir": Path(settings["state_dir"])}))


def _break_the_rule() -> None:
    def broken_decisions(**settings: Any) -> PaymentDecisions:
        decisions = payment_decisions(**settings)
        return replace(decisions, rule=breaking(decisions.rule))

    # From outside: the product has no switch that breaks it.
    vars(agents)["payment_decisions"] = broken_decisions


if __name__ == "__main__":
    main()
