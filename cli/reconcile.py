"""`directpay reconcile`: hands bank statements to the reconciler and shows what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import httpx

from cli.settings import ReconcilerLineSettings, load
from cli.status import STATE_DIR, running_stack

# A file of a million bookings takes minutes; nothing is lost when this gives up: the same file again waits on.
ANSWER_S_MAX = 3600.0
CONNECT_S_MAX = 5.0
EXIT_REFUSED = 1
EXIT_UNPROVEN = 2


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--state-dir", type=STATE_DIR, help="Folder of a running local stack. Default: DIRECTPAY_RECONCILER_URL.")
@click.option("--tenant", default="", help="Compare with this tenant's payments only.")
@click.option("--part", is_flag=True, help="The files are a part of what the bank booked: what is not in them is not "
              "missing.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The reconciler's answers, one a line.")
def reconcile(files: tuple[Path, ...], state_dir: Path | None, tenant: str, part: bool, as_json: bool) -> None:
    """Compare bank statements (camt.053, BAI2, CSV) with the payments: each FILE once, however often.

    Exit 1 when a file is refused, 2 when a statement's balances do not follow from what was found.
    """
    url = load(ReconcilerLineSettings).reconciler_url if state_dir is None else running_stack(state_dir)["reconciler"]
    refused = unproven = 0
    with httpx.Client(base_url=url, timeout=httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX)) as client:
        for path in files:
            query = {"name": path.name, "tenant": tenant, "whole": "no" if part else "yes"}
            try:
                with path.open("rb") as file:
                    answer = client.post("/statements", params=query, content=file)
            except httpx.HTTPError as error:
                sys.exit(f"directpay reconcile: {url} gave no answer ({error}). Run it again.")
            if not answer.is_success:
                refused += 1
                click.echo(f"{path}: {_why(answer)}", err=True)
                continue
            found = answer.json()
            unproven += found["unproven"]
            click.echo(json.dumps(found) if as_json else told(str(path), found, is_replay=answer.status_code == 200))
    if refused:
        sys.exit(EXIT_REFUSED)
    if unproven:
        sys.exit(EXIT_UNPROVEN)


def _why(answer: httpx.Response) -> str:
    try:
        said: dict[str, Any] = answer.json()
    except ValueError:
        return f"answered {answer.status_code}"
    if "rule" in said:
        return f"line {said['line']}, {said['field']}, {said['rule']}: {said['detail']}"
    return str(said.get("detail", f"answered {answer.status_code}"))


def told(name: str, found: dict[str, Any], *, is_replay: bool) -> str:
    """Return what was found in a file, as lines: what its bookings are, and the proof of each statement."""
    names = ("matched", "repaired", "mismatched", "duplicates", "unmatched_at_bank", "unmatched_here", "known")
    counts = ", ".join(f"{name.replace('_', ' ')} {found[name]:,}" for name in names if found[name])
    again = " (taken before)" if is_replay else ""
    lines = [f"{name}{again}: {found['bookings']:,} bookings: {counts or 'nothing'}"]
    lines += [_proof(proof) for proof in found["proofs"]]
    if (shown := len(found["proofs"])) < found["statements"]:
        lines.append(f"  and {found['statements'] - shown:,} more statements")
    return "\n".join(lines)


def _proof(proof: dict[str, Any]) -> str:
    first_day, last_day = proof["first_day"], proof["last_day"]
    days = first_day if first_day == last_day else f"{first_day} to {last_day}"
    explained = ", ".join(
        f"{name.replace('_', ' ')} {proof[name]}"
        for name in ("ledger", "unmatched_at_bank", "duplicates", "mismatched", "ahead", "behind")
        if proof[name] != "0.00"
    )
    verdict = "holds" if proof["holds"] else f"DIFFERS BY {proof['difference']}"
    return (
        f"  {proof['account']} {days}: {proof['opening_balance']} -> {proof['closing_balance']} "
        f"({explained or 'nothing moved'}): {verdict}"
    )
