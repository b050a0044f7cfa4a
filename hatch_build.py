"""The wheel's compiled modules: with DIRECTPAY_COMPILED=1, mypyc makes C of modules that every payment passes through.

It needs a C compiler, Python's headers and what requirements-dev.lock installs. Otherwise the wheel is the same
Python, to be interpreted. tests/architecture/test_compiled_modules.py says what mypyc does not do as Python does.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledModules(BuildHookInterface):  # type: ignore[type-arg]
    """Adds to a wheel what mypyc makes of the modules that the hook's `compiled` names."""

    _folder: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard" or os.environ.get("DIRECTPAY_COMPILED") != "1":
            return
        self._folder = Path(tempfile.mkdtemp(prefix="directpay-compiled-"))
        made = _compile(self.config["compiled"], self._folder)
        build_data["force_include"] |= {str(path): str(path.relative_to(self._folder / "lib")) for path in made}
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder)


def _compile(modules: list[str], folder: Path) -> list[Path]:
    """Compile modules of the present folder; return the libraries, which stand in `folder`/lib as in the wheel."""
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    options = ["--config-file", "pyproject.toml", "--cache-dir", str(folder / "mypy")]
    level = os.environ.get("MYPYC_OPT_LEVEL", "3")
    extensions = mypycify([*options, *modules], opt_level=level, debug_level="0", target_dir=str(folder / "c"))
    command = build_ext(Distribution({"name": "directpay", "ext_modules": extensions}))
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "temp")
    command.ensure_finalized()
    command.run()
    return sorted((folder / "lib").rglob("*.so"))
