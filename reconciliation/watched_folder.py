"""A folder in which statements are left: each is taken when nobody writes to it any more, and put aside."""

from __future__ import annotations

import time
from pathlib import Path

# Nobody has written to it for so long.
QUIET_S = 2.0
ON_ITS_WAY = (".part", ".partial", ".filepart", ".tmp")


class WatchedFolder:
    """The folder `path`: files in it are new; `done` and `refused` in it hold what was taken and what was not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done = path / "done"
        self._refused = path / "refused"
        for folder in (self._done, self._refused):
            folder.mkdir(parents=True, exist_ok=True)

    def incoming(self) -> list[Path]:
        """Return the files that are there whole, the oldest first."""
        found = []
        for path in self._path.iterdir():
            if path.name.startswith(".") or path.name.endswith(ON_ITS_WAY) or not path.is_file():
                continue
            written_at_s = path.stat().st_mtime
            if time.time() - written_at_s >= QUIET_S:
                found.append((written_at_s, path))
        return [path for _, path in sorted(found)]

    def done(self, path: Path) -> None:
        """Put a file aside that was taken. One of this name that is there is replaced: its findings are on the log."""
        path.replace(self._done / path.name)

    def refuse(self, path: Path, why: str) -> None:
        """Put a file aside that breaks a rule, with the rule beside it."""
        (self._refused / f"{path.name}.fault.txt").write_text(f"{why}\n", encoding="utf-8")
        path.replace(self._refused / path.name)
