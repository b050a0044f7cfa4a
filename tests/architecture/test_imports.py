"""Processes are strangers, the core is pure: the contracts of pyproject.toml, kept and able to fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_every_import_rule_is_kept() -> None:
    run = lint_imports(ROOT)
    assert run.returncode == 0, run.stdout
    assert "13 kept, 0 broken" in run.stdout
