"""The records of a BAI2 file: a line, and the continuation lines (88) that belong to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciliation.statements.faults import Rule, refused

CONTINUATION = "88"
CODES = frozenset({"01", "02", "03", "16", "49", "98", "99"})
# A record with all its continuation lines is held; an account with every type code that there is has some 200.
RECORD_LINES_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What stands on one line behind the record code and its comma."""

    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record by its code; `pieces` are the lines it takes, which control records count."""

    code: str
    pieces: tuple[Piece, ...]

    @property
    def line(self) -> int:
        return self.pieces[0].line


def read_records(lines: Iterable[tuple[int, str]]) -> Iterator[Record]:
    """Yield the records of numbered lines; raises InvalidStatement. Empty lines, and blanks that fill a line, pass."""
    code, pieces = "", list[Piece]()
    for number, line in lines:
        line_code, comma, text = line.rstrip(" ").partition(",")
        if not line_code and not comma:
            continue
        if not comma or line_code not in CODES | {CONTINUATION}:
            detail = "must be 01, 02, 03, 16, 49, 88, 98 or 99 and a comma"
            raise refused(number, "record code", Rule.CODE, detail)
        if line_code != CONTINUATION or not pieces:
            if pieces:
                yield Record(code=code, pieces=tuple(pieces))
            code, pieces = line_code, []
        pieces.append(Piece(line=number, text=text))
        if len(pieces) > RECORD_LINES_MAX:
            detail = f"a record must have at most {RECORD_LINES_MAX} lines"
            raise refused(number, "record code", Rule.TOO_LARGE, detail)
    if pieces:
        yield Record(code=code, pieces=tuple(pieces))
