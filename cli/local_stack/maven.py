"""Downloads from Maven Central into the user's cache: complete or not at all, by one process at a time."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.local_stack.trouble import DownloadFailed, explained

TIMEOUT_S = 30
Say = Callable[[str], None]


def installed(finished: Path, what: str, fill: Callable[[Path], None], say: Say) -> Path:
    """Return the folder `finished`, made first when it is not there: `fill` puts its files into `jars` of a folder.

    Safe when several processes do it at once: one does it, the others wait; the folder appears complete or not at all.
    """
    if finished.is_dir():
        return finished
    with explained(finished.parent):
        finished.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(finished.parent / "download.lock", what, say):
            if not finished.is_dir():
                _fill(finished, fill)
    return finished


def _fill(finished: Path, fill: Callable[[Path], None]) -> None:
    """Fill a staging folder and rename it; a run that is cut short leaves nothing that counts."""
    for leftover in finished.parent.glob("staging-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # We hold the lock, so its owner is gone.
    staging = Path(tempfile.mkdtemp(prefix="staging-", dir=finished.parent))
    try:
        jars = staging / "jars"
        jars.mkdir()
        fill(staging)
        jars.chmod(0o755)
        jars.rename(finished)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def downloading(what: str) -> Iterator[None]:
    """Turn what goes wrong between us and the repository into DownloadFailed."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and not _is_network(error):
            raise
        raise DownloadFailed(what, _brief(error)) from error
    except Exception as error:
        raise DownloadFailed(what, _brief(error)) from error


@contextmanager
def _only_one(path: Path, what: str, say: Say) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process is installing {what}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)  # Freed by the system when its holder ends, however it ends.
        yield


def _is_network(error: OSError) -> bool:
    # requests' exceptions are OSErrors too; the system's own about files name a file.
    return error.filename is None and type(error).__module__.partition(".")[0] in ("requests", "urllib3")


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")
