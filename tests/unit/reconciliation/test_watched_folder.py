from __future__ import annotations

import os
import time
from pathlib import Path

from reconciliation.watched_folder import QUIET_S, WatchedFolder


def left(folder: Path, name: str, *, written_s_ago: float) -> Path:
    path = folder / name
    path.write_text(name)
    at_s = time.time() - written_s_ago
    os.utime(path, (at_s, at_s))
    return path


def test_files_are_taken_when_nobody_writes_to_them_the_oldest_first(tmp_path: Path) -> None:
    folder = WatchedFolder(tmp_path)
    newer = left(tmp_path, "a.xml", written_s_ago=QUIET_S + 1)
    older = left(tmp_path, "b.xml", written_s_ago=QUIET_S + 2)
    left(tmp_path, "c.xml", written_s_ago=-60)
    for name in (".hidden", "d.xml.part", "e.tmp"):
        left(tmp_path, name, written_s_ago=60)
    assert folder.incoming() == [older, newer]


def test_what_was_taken_or_refused_is_put_aside_with_the_reason(tmp_path: Path) -> None:
    folder = WatchedFolder(tmp_path)
    taken = left(tmp_path, "taken.xml", written_s_ago=60)
    refused = left(tmp_path, "refused.xml", written_s_ago=60)
    folder.done(taken)
    folder.refuse(refused, "line 1, file, unknown-format: what would be right")
    assert folder.incoming() == []
    assert (tmp_path / "done" / "taken.xml").read_text() == "taken.xml"
    assert (tmp_path / "refused" / "refused.xml.fault.txt").read_text().startswith("line 1, ")
    # The same name again replaces what was there.
    folder.done(left(tmp_path, "taken.xml", written_s_ago=60))
    assert folder.incoming() == []
