"""ACH by files on the whole stack (`directpay up --ach files`): the tour's payment leaves in one and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.local_stack.stack import LocalStack
from cli.local_stack.trouble import StackError
from cli.walkthrough.by_files import walk_by_files
from cli.walkthrough.places import Places
from tests.conftest import RAIL_SPEED


def test_the_tours_payment_by_file_holds_and_the_stack_goes_on_with_files(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path / "stack", rail_speed=RAIL_SPEED, ach_by_files=True)
    stack.start()
    try:
        said: list[str] = []
        walk_by_files(Places.of(stack.stack), said.append)
        kinds = set(stack.stack["pids"])
    finally:
        stack.stop()
    assert "originator" in kinds
    shown = [line.split()[0] for line in said if line.strip().startswith(("entry", "addenda"))]
    assert shown == ["entry", "addenda"] * 3, "debit, credit, return"
    with pytest.raises(StackError, match="--ach files"):
        LocalStack(tmp_path / "stack").start()
