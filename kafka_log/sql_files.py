"""SQL kept in .sql files: each statement under a line `-- name: why it is as it is`."""

from __future__ import annotations

import re
from pathlib import Path

_HEADING = re.compile(r"^-- (?P<name>[a-z_0-9]+): ", re.MULTILINE)


def read_statements(path: Path) -> dict[str, str]:
    """Return a file's statements by name."""
    text = path.read_text(encoding="utf-8")
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return {heading["name"]: text[heading.start() : end].strip() for heading, end in zip(headings, ends, strict=True)}
