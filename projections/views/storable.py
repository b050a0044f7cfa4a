"""What comes from outside, as Postgres can hold it."""

from __future__ import annotations


def storable_text(text: str | None) -> str | None:
    """Return the text as Postgres can hold it: without NUL and lone surrogates."""
    return None if text is None else text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
