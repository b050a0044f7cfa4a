"""The lines of a file of text, one at a time, from its bytes in chunks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reconciliation.statements.faults import Rule, refused

LINE_BYTES_MAX = 8 * 1024  # No record of a bank comes near it.

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def read_lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Yield number (from 1) and text of every line, without its end (LF or CRLF). Holds a chunk and a line at most.

    Raises InvalidStatement for a line that is longer than 8 KiB, is not UTF-8, or holds control characters.
    """
    for number, line in enumerate(_split(chunks), 1):
        if len(line) > LINE_BYTES_MAX:
            raise refused(number, "line", Rule.TOO_LARGE, f"must have at most {LINE_BYTES_MAX} bytes")
        try:
            text = line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as strange:
            detail = f"byte {strange.start + 1} is not UTF-8"
            raise refused(number, "line", Rule.CHARACTERS, detail) from None
        if control := _CONTROL.search(text):
            raise refused(number, "line", Rule.CHARACTERS, f"character {control.start() + 1} is a control character")
        yield number, text


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > LINE_BYTES_MAX:
            # Its reader refuses it by its length; there is no need to hold the rest of it.
            break
    if rest:
        yield rest
