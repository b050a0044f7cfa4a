"""ACH by files on the whole stack (`directpay up --ach files`), and what the tour shows on it until its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.demo import LAST_SETTINGS
from cli.local_stack.stack import LocalStack
from cli.local_stack.trouble import StackError
from cli.walkthrough.by_files import walk_by_files
from cli.walkthrough.lost_answer import walk_lost_answer
from cli.walkthrough.places import Places
from cli.walkthrough.webhook import walk_webhook
from tests.e2e.conftest import RAIL_SPEED


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("files") / "stack"
    running = LocalStack(folder, rail_speed=RAIL_SPEED, ach_by_files=True, settings=LAST_SETTINGS)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def tour(stack: LocalStack) -> list[str]:
    """What the chapters say, each on the clock as the one before leaves it."""
    said: list[str] = []
    for chapters in (walk_by_files, walk_webhook, walk_lost_answer):
        chapters(Places.of(stack.stack), said.append)
    return "\n".join(said).splitlines()


def test_the_tours_payment_by_file_goes_out_arrives_and_comes_back(stack: LocalStack, tour: list[str]) -> None:
    assert "originator" in stack.stack["pids"]
    shown = [line.split()[0] for line in tour if line.strip().startswith(("entry ", "addenda "))]
    assert shown == ["entry", "addenda"] * 3, "debit, credit, return"


def test_the_tours_webhook_comes_and_verifies(tour: list[str]) -> None:
    signatures = [line.split()[1] for line in tour if line.strip().startswith("webhook-signature:")]
    assert [each.partition(",")[0] for each in signatures] == ["v1"]
    assert "   ok: its signature verifies, by the package standardwebhooks" in tour
    assert not [line for line in tour if "whsec_" in line]


def test_the_tours_lost_answer_is_repaired_once_and_its_day_proven(tour: list[str]) -> None:
    first, again, day = (line for line in tour if " bookings: " in line)
    assert " repaired 1" in first
    assert " (taken before): " in again
    assert again.partition(" bookings: ")[2] == first.partition(" bookings: ")[2]
    assert day.partition(" bookings: ")[2].startswith("known ")
    proofs = [line.rpartition(": ")[2] for line in tour if " -> " in line and line.strip().startswith("SIM")]
    assert len(proofs) >= 3 * 2
    assert set(proofs) == {"holds"}


def test_a_stack_that_has_begun_with_files_is_not_started_without(tour: list[str], stack: LocalStack) -> None:
    stack.stop()
    with pytest.raises(StackError, match="--ach files"):
        LocalStack(stack.state.path).start()
