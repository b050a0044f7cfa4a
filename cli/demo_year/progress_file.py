"""How far each data set of a stack has come, beside the stack's data: an interrupted year goes on."""

from __future__ import annotations

import fcntl
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from cli.demo_year.data_set import DataSet
from cli.demo_year.trouble import CannotBegin
from cli.local_stack.credentials import write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`sent` steps of the plan, in its order, are decided; `is_furnished`: so is the whole directory."""

    until: datetime
    is_furnished: bool = False
    sent: int = 0
    is_done: bool = False


class ProgressFile:
    """The file of one stack, locked: two runs at once would both hold the clock."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "demo-data.json"
        self._lock = _locked(state_dir / "demo-data.lock")

    def of(self, name: str) -> Progress | None:
        """Return the progress of the data set with this name, or None when it was never begun."""
        entry = self._entries().get(name)
        if entry is None:
            return None
        return Progress(
            until=datetime.fromisoformat(entry["until"]),
            is_furnished=entry["is_furnished"],
            sent=entry["sent"],
            is_done=entry["is_done"],
        )

    def save(self, data: DataSet, progress: Progress) -> Progress:
        entry = {
            "until": progress.until.astimezone(UTC).isoformat(),
            "is_furnished": progress.is_furnished,
            "sent": progress.sent,
            "is_done": progress.is_done,
        }
        write_private(self._path, json.dumps(self._entries() | {data.name: entry}, indent=2) + "\n")
        return progress

    def sent(self, data: DataSet, progress: Progress, sent: int) -> Progress:
        return self.save(data, replace(progress, sent=sent))

    def close(self) -> None:
        self._lock.close()

    def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            entries: dict[str, dict[str, Any]] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return entries


def _locked(path: Path) -> IO[str]:
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise CannotBegin("Another `directpay demo-data` works on this stack. Wait for it, or end it.") from None
    return lock
