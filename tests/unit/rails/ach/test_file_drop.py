"""Folders: a file is handed in once, whenever the process ended and whatever the bank's client has fetched."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rails.ach.file_drop import QUIET_S, DropConflict, FolderDrop

NAME = "20261201-A-same_day_ach-00000001.ach"
PIECES = (b"one\n", b"two\n")
DIGEST = hashlib.sha256(b"one\ntwo\n").digest()


@pytest.fixture
def drop(tmp_path: Path) -> FolderDrop:
    return FolderDrop(tmp_path)


def test_a_file_lies_in_the_outbox_whole(drop: FolderDrop, tmp_path: Path) -> None:
    assert drop.put(NAME, PIECES) == DIGEST
    assert (tmp_path / "outbox" / NAME).read_bytes() == b"one\ntwo\n"
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_file_that_the_bank_has_fetched_is_not_handed_in_again(drop: FolderDrop, tmp_path: Path) -> None:
    drop.put(NAME, PIECES)
    (tmp_path / "outbox" / NAME).unlink()
    assert drop.put(NAME, PIECES) == DIGEST
    assert list((tmp_path / "outbox").iterdir()) == []


def test_other_bytes_under_a_name_that_was_handed_in_are_an_alarm(drop: FolderDrop, tmp_path: Path) -> None:
    drop.put(NAME, PIECES)
    with pytest.raises(DropConflict):
        drop.put(NAME, (b"other\n",))
    assert (tmp_path / "outbox" / NAME).read_bytes() == b"one\ntwo\n"


def test_a_file_of_that_name_that_we_did_not_put_there_is_an_alarm_unless_it_is_the_same(
    drop: FolderDrop, tmp_path: Path
) -> None:
    (tmp_path / "outbox" / NAME).write_bytes(b"other\n")
    with pytest.raises(DropConflict):
        drop.put(NAME, PIECES)
    (tmp_path / "outbox" / NAME).write_bytes(b"one\ntwo\n")
    assert drop.put(NAME, PIECES) == DIGEST


@pytest.mark.parametrize("ended", ["while it was written", "before it was noted", "before the rename", "after it"])
def test_wherever_the_process_ended_the_file_is_handed_in_once(drop: FolderDrop, tmp_path: Path, ended: str) -> None:
    staged, noted = tmp_path / "staging" / NAME, tmp_path / "handed_in" / f"{NAME}.sha256"
    match ended:
        case "while it was written":
            with pytest.raises(InterruptedError):
                drop.put(NAME, _broken_off())
        case "before it was noted":
            staged.write_bytes(b"one\ntwo\n")
        case "before the rename":
            staged.write_bytes(b"one\ntwo\n")
            noted.write_text(DIGEST.hex())
        case "after it":
            noted.write_text(DIGEST.hex())
    assert drop.put(NAME, PIECES) == DIGEST
    # After the rename the bank's client may have it already.
    assert [path.name for path in (tmp_path / "outbox").iterdir()] == ([] if ended == "after it" else [NAME])
    assert not staged.exists()


def test_two_that_hand_in_the_same_file_do_not_write_into_it_together(tmp_path: Path) -> None:
    at_once = threading.Barrier(4)

    def hand_in() -> bytes:
        def pieces() -> Iterator[bytes]:
            for piece in PIECES * 100:
                time.sleep(0.0001)  # Lets the others in, if they can come.
                yield piece

        drop = FolderDrop(tmp_path)
        at_once.wait()
        return drop.put(NAME, pieces())

    with ThreadPoolExecutor(4) as pool:
        digests = {each.result() for each in [pool.submit(hand_in) for _ in range(4)]}
    assert digests == {hashlib.sha256((tmp_path / "outbox" / NAME).read_bytes()).digest()}


def test_only_whole_files_come_in(drop: FolderDrop, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    for name in (".hidden", "on-its-way.part", "just-written.ach", "b.ach", "a.ach"):
        (inbox / name).write_text("x")
        age_s = 0.0 if name == "just-written.ach" else 2 * QUIET_S
        os.utime(inbox / name, (time.time() - age_s,) * 2)
    assert drop.incoming() == ["a.ach", "b.ach"]


def test_a_name_that_banks_use_again_overwrites_nothing(drop: FolderDrop, tmp_path: Path) -> None:
    for text in ("first", "second"):
        (tmp_path / "inbox" / "returns.ach").write_text(text)
        drop.done("returns.ach")
    kept = sorted((tmp_path / "done").iterdir())
    assert [path.read_text() for path in kept] == ["first", "second"]


def _broken_off() -> Iterator[bytes]:
    yield b"one\n"
    raise InterruptedError
