"""How files reach the bank and come from it: the port, and folders that an SFTP client empties and fills."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Protocol

# Whoever puts files into the inbox may write them in place: one that was just written to may not be whole.
QUIET_S = 2.0
UNFINISHED = (".part", ".partial", ".filepart", ".tmp")
FILE_MODE = 0o640  # The bank's client may be another user, of the same group; files hold account numbers.


class DropConflict(Exception):
    """A file of this name was handed in with other bytes: nobody may guess which of the two is right."""


class FileDrop(Protocol):
    """Where files are handed in, and where the bank's are found."""

    def put(self, name: str, pieces: Iterable[bytes]) -> bytes:
        """Hand a file in, once, however often it is called, and return its SHA-256. Raises DropConflict, OSError."""
        ...

    def incoming(self) -> list[str]:
        """Return the names of whole files that came from the bank, in order."""
        ...

    def open(self, name: str) -> BufferedReader:
        """Open a file that came."""
        ...

    def done(self, name: str) -> None:
        """Put a file that was recorded aside."""
        ...

    def refuse(self, name: str, faults: Sequence[str]) -> None:
        """Put a file that cannot be believed aside, with its faults beside it."""
        ...


class FolderDrop:
    """Folders in `path`: outbox and inbox for the bank's client, done and refused for people, and two of its own.

    The client may remove what it has fetched. So that a file is handed in once all the same, its hash is written down
    (handed_in) when the file lies ready (staging), before one rename brings it into the outbox: a staged file with its
    hash written down is still to be renamed, a hash without a staged file was handed in.

    The simulated bank works on the other side of the same folders (`for_bank`): it hands files into the inbox, fetches
    those in the outbox, and keeps the rest below `bank`.
    """

    def __init__(self, path: Path, *, for_bank: bool = False) -> None:
        own = path / "bank" if for_bank else path
        self._folders = {name: own / name for name in ("done", "refused", "staging", "handed_in")}
        self._folders["outbox"] = path / ("inbox" if for_bank else "outbox")
        self._folders["inbox"] = path / ("outbox" if for_bank else "inbox")
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, pieces: Iterable[bytes]) -> bytes:
        with self._alone():
            return self._put(name, pieces)

    def _put(self, name: str, pieces: Iterable[bytes]) -> bytes:
        staged, outgoing = self._folders["staging"] / name, self._folders["outbox"] / name
        noted = self._folders["handed_in"] / f"{name}.sha256"
        if noted.exists():
            digest = _digest(pieces)
            _require_same(name, bytes.fromhex(noted.read_text()), digest)
        else:
            digest = _write(staged, pieces)
            if outgoing.exists():
                _require_same(name, _digest_of(outgoing), digest)
                staged.unlink()
            self._note(noted, digest)
        if staged.exists():
            _require_same(name, _digest_of(staged), digest)
            staged.rename(outgoing)
            _sync_folder(outgoing.parent)
            _sync_folder(staged.parent)
        return digest

    def incoming(self) -> list[str]:
        quiet_since = time.time() - QUIET_S
        found = []
        for path in sorted(self._folders["inbox"].iterdir()):
            is_finished = not path.name.startswith(".") and not path.name.endswith(UNFINISHED)
            if is_finished and path.is_file() and path.stat().st_mtime <= quiet_since:
                found.append(path.name)
        return found

    def open(self, name: str) -> BufferedReader:
        return (self._folders["inbox"] / name).open("rb")

    def done(self, name: str) -> None:
        self._move(name, "done")

    def refuse(self, name: str, faults: Sequence[str]) -> None:
        _write(self._folders["refused"] / f"{name}.faults.txt", (f"{fault}\n".encode() for fault in faults))
        self._move(name, "refused")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """An originator that was fenced may be at work on a file still: two would write into one staged file."""
        descriptor = os.open(self._folders["handed_in"] / ".lock", os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _move(self, name: str, to: str) -> None:
        came, kept = self._folders["inbox"] / name, self._folders[to] / name
        if kept.exists():
            # Banks use names again; what was kept stays as it is.
            kept = kept.with_name(f"{name}.{_digest_of(came).hex()[:16]}")
        came.rename(kept)
        _sync_folder(kept.parent)
        _sync_folder(came.parent)

    def _note(self, noted: Path, digest: bytes) -> None:
        unfinished = noted.with_suffix(".new")
        _write(unfinished, (digest.hex().encode(),))
        unfinished.rename(noted)
        _sync_folder(noted.parent)


def _write(path: Path, pieces: Iterable[bytes]) -> bytes:
    """Write a file to the disk, and return its SHA-256."""
    hashed = hashlib.sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb") as file:
        for piece in pieces:
            hashed.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)
    return hashed.digest()


def _digest(pieces: Iterable[bytes]) -> bytes:
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    return hashed.digest()


def _digest_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _require_same(name: str, there: bytes, ours: bytes) -> None:
    if there != ours:
        raise DropConflict(f"{name} is {ours.hex()}, and was handed in as {there.hex()}")


def _sync_folder(path: Path) -> None:
    """Have the disk know of what was renamed in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
