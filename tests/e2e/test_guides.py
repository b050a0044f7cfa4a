"""The programs of the guides run as they stand."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.e2e.tenancy import Tenancy

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_a_payment_produced_as_the_guide_shows_is_followed_as_the_guide_shows(stack: Any, tmp_path: Path) -> None:
    tenancy = Tenancy.open(stack.stack)
    places = tmp_path / "stack.json"
    places.write_text(json.dumps(stack.stack))
    key = f"guide-{uuid.uuid4().hex}"
    payment_id = _run(
        "produce_payment.py", str(places), tenancy.tenant_id, key, tenancy.payer, tenancy.payee, "150000"
    ).strip()
    assert tenancy.wait_for(payment_id, "completed")["amount"] == "1500.00"
    lines = [line.split() for line in _run("follow_events.py", str(places), "--until-idle", "5").splitlines()]
    mine = [line[1:3] for line in lines if line[0] == payment_id]
    assert mine == [["1", "payment_initiated"], ["2", "payment_processing"], ["3", "payment_completed"]]


def _run(program: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / program), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
