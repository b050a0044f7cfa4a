"""How far a long command has come."""

from __future__ import annotations

import time

import click

PROGRESS_EVERY_S = 1.0


class Progress:
    """Says on stderr, once a second, how far a long step has come."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said_at >= PROGRESS_EVERY_S:
            self._said_at = now
            click.echo(f"{what}: {done:,} of {total:,}", err=True)
