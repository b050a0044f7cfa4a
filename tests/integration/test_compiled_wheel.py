"""The compiled wheel: its rules and its bytes are those of the Python that it is made of, by the same tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.architecture.test_compiled_modules import COMPILED

ROOT = Path(__file__).parents[2]
SAME_TESTS = ("tests/unit/payments", "tests/unit/schemas")


def missing() -> str | None:
    """Return what this machine lacks to compile."""
    if shutil.which("cc") is None:
        return "there is no C compiler"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "there are no headers of this Python"
    return None


pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def test_the_compiled_rules_and_bytes_pass_the_tests_of_the_interpreted_ones(tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    build = (*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT))
    # What is right does not depend on how fast it is, and optimising takes a compiler minutes.
    subprocess.run(build, env=outside | {"DIRECTPAY_COMPILED": "1", "MYPYC_OPT_LEVEL": "0"}, check=True)
    [wheel] = tmp_path.glob("*.whl")
    subprocess.run((*pip, "install", "--no-deps", "--target", str(tmp_path / "compiled"), str(wheel)), check=True)

    libraries = {str(path.relative_to(tmp_path / "compiled")).partition(".")[0] for path in tmp_path.rglob("*.so")}
    assert {module.removesuffix(".py") for module in COMPILED} <= libraries

    tests = (Path(sys.executable).parent / "pytest", "-q", "-p", "no:cacheprovider", *SAME_TESTS)
    env = outside | {"PYTHONPATH": str(tmp_path / "compiled")}
    imported = subprocess.run(
        (sys.executable, "-P", "-c", "import schemas.plain_avro as module; print(module.__file__)"),
        env=env, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert imported.strip().endswith(".so")
    subprocess.run(tests, cwd=ROOT, env=env, check=True)
