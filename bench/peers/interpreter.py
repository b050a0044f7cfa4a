"""A peer's Python: what it needs and DirectPay does not is in an environment of its own, in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from cli.settings import DownloadSettings

SAID_CHARS_MAX = 2000
INSTALL_S_MAX = 1800.0


def interpreter(peer: str, requirements: Path) -> Path:
    """Return the Python that has exactly what `requirements` pins; the first time it is made, which needs PyPI.

    Safe when several runs do it at once. RuntimeError, with the end of what pip said, when it cannot be had.
    """
    about = requirements.read_bytes() + sys.version.encode() + sys.base_prefix.encode()
    peers = DownloadSettings().cache_dir.expanduser() / "peers"
    peers.mkdir(parents=True, exist_ok=True)
    home = peers / f"{peer}-{hashlib.sha256(about).hexdigest()[:16]}"
    python = home / "bin" / "python"
    with (peers / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Freed by the system when its holder ends, however it ends.
        if not (home / "installed").exists():
            print(f"Installing what the peer {peer} needs into {home} (once)", file=sys.stderr)
            # Cut short last time: an environment cannot be moved, so it is made in place and marked when it is whole.
            shutil.rmtree(home, ignore_errors=True)
            _run(peer, sys.executable, "-m", "venv", str(home))
            pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile")
            _run(peer, *pip, "-r", str(requirements))
            (home / "installed").touch()
    return python


def _run(peer: str, *command: str) -> None:
    said = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=INSTALL_S_MAX, check=False
    )
    if said.returncode:
        raise RuntimeError(f"What {peer} needs cannot be installed here: {said.stdout[-SAID_CHARS_MAX:].strip()}")
