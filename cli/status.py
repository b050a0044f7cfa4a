"""`directpay status`: health, pid and lag of every process of a running local stack."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import httpx

from business_clock import ClockUnreadable, read_setting, system_us

ANSWER_S_MAX = 3.0
STATE_DIR = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--state-dir", type=STATE_DIR, default=".directpay", show_default=True, help="Folder of the stack.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def status(state_dir: Path, as_json: bool) -> None:
    """Show health and lag of every process; exit 0 only when all are ready."""
    places = running_stack(state_dir)
    healths = {name: _health(url) for name, url in places["health"].items()}
    pids = places["pids"]
    clock = clock_of_stack(Path(places["clock_file"]))
    if as_json:
        click.echo(json.dumps({"pids": pids, "health": healths, "clock": clock}, indent=2))
    else:
        for kind in ("kafka", "postgres"):
            click.echo(f"{kind:<12} {'running' if pids.get(kind) else 'DOWN':<10} {_text({'pid': pids.get(kind)})}")
        for name, health in healths.items():
            details = {key: value for key, value in health.items() if key != "status"}
            click.echo(f"{name:<12} {health['status']:<10} {_text(details)}")
        if clock is not None:
            click.echo(f"{'clock':<12} {'SET':<10} {clock}")
    servers_run = all(pids.get(kind) for kind in ("kafka", "postgres"))
    if not servers_run or any(health["status"] != "ready" for health in healths.values()):
        sys.exit(1)


def running_stack(state_dir: Path) -> dict[str, Any]:
    """Return stack.json of the stack that runs on `state_dir`, or end the command saying that there is none."""
    try:
        places: dict[str, Any] = json.loads((state_dir / "stack.json").read_text())
    except FileNotFoundError:
        sys.exit(f"No stack runs on {state_dir}: start one with `directpay up --state-dir {state_dir}`.")
    return places


def clock_of_stack(path: Path) -> str | None:
    """Return what a stack's clock shows and who has set it, or None when it is the machine's."""
    try:
        setting = read_setting(path)
    except ClockUnreadable as error:
        return str(error)
    if setting is None:
        return None
    shows = datetime.fromtimestamp(setting.shows_us(system_us()) // 1_000_000, UTC)
    return f"shows {shows:%Y-%m-%d %H:%M:%S}, set by {setting.set_by}; {path} sets it"


def _health(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(url, timeout=ANSWER_S_MAX)
        details = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return {"status": "DOWN", "error": str(error)}
    return {**details, "status": "ready" if answer.is_success else "unready"}


def _text(details: dict[str, Any]) -> str:
    return "  ".join(f"{key}={json.dumps(value)}" for key, value in details.items())
