"""The secrets of one local stack: made once, kept in its folder for the owner's eyes only."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Everything secret that the stack's processes share."""

    admin_key: str
    encryption_keys: str
    superuser_password: str
    owner_password: str
    analyst_password: str

    @classmethod
    def of(cls, path: Path) -> Credentials:
        """Read the file, or make it."""
        if path.exists():
            return cls(**json.loads(path.read_text()))
        made = cls(
            admin_key=f"admin_{secrets.token_urlsafe(KEY_BYTES)}",
            encryption_keys=f"local-1:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}",
            superuser_password=secrets.token_urlsafe(KEY_BYTES),
            owner_password=secrets.token_urlsafe(KEY_BYTES),
            analyst_password=secrets.token_urlsafe(KEY_BYTES),
        )
        write_private(path, json.dumps(asdict(made), indent=2))
        return made


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; it appears complete or not at all."""
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staging.replace(path)
