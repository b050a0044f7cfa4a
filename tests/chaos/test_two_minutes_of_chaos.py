"""Real faults on a whole stack under load: the promises hold. `make chaos` is the long version."""

from __future__ import annotations

from pathlib import Path

from chaos.run import Plan, run

FAULTS = 8
PAYMENTS = 1200


def test_payments_survive_faults_of_every_kind(tmp_path: Path) -> None:
    told: list[str] = []
    # The seed whose faults are the most varied for so few: every kind, on five kinds of process, the broker killed,
    # and a worker paused, left without state and without room.
    plan = Plan(payments=PAYMENTS, faults=FAULTS, seed=10824, rate=25, workers=2, folder=tmp_path / "chaos")
    outcome = run(plan, told.append)
    evidence = "\n".join([*told, str(outcome.figures)])
    assert list(outcome.violations) == [], evidence
    figures = outcome.figures
    # It did what it says: nobody finds anything in a run in which nothing happens.
    assert figures["faults"] + figures["faults_missed"] == FAULTS, evidence
    assert figures["faults"] >= FAULTS - 2, evidence
    assert figures["accepted"] >= PAYMENTS, evidence
    assert figures["events"] > 2 * PAYMENTS, evidence
    assert figures["refused"] > 0, evidence
    assert figures["poison"] > 0, evidence
    assert figures["repeated_reports"] > 0, evidence
    assert figures["refunds"] > 0, evidence
