"""`directpay status`: health, pid and lag of every process of a running local stack."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import httpx

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
    if as_json:
        click.echo(json.dumps({"pids": pids, "health": healths}, indent=2))
    else:
        for kind in ("kafka", "postgres"):
            click.echo(f"{kind:<12} {'running' if pids.get(kind) else 'DOWN':<10} {_text({'pid': pids.get(kind)})}")
        for name, health in healths.items():
            details = {key: value for key, value in health.items() if key != "status"}
            click.echo(f"{name:<12} {health['status']:<10} {_text(details)}")
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


def _health(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(url, timeout=ANSWER_S_MAX)
        details = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return {"status": "DOWN", "error": str(error)}
    return {**details, "status": "ready" if answer.is_success else "unready"}


def _text(details: dict[str, Any]) -> str:
    return "  ".join(f"{key}={json.dumps(value)}" for key, value in details.items())
