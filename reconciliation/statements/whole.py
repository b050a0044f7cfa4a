"""A statement with all its entries, for files that are known to be small."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct

from reconciliation.statements.values import Entry, Placed, Statement, StatementEnd


class WholeStatement(Struct, frozen=True, kw_only=True):
    """The head of a statement and its entries, in their order."""

    head: Statement
    entries: tuple[Entry, ...]


def whole_statements(parts: Iterable[Placed]) -> list[WholeStatement]:
    """Return the statements that these parts make, all of them in memory."""
    statements: list[WholeStatement] = []
    head: Statement | None = None
    entries: list[Entry] = []
    for placed in parts:
        match placed.part:
            case Statement() as head:
                entries = []
            case Entry() as entry:
                entries.append(entry)
            case StatementEnd():
                assert head is not None
                statements.append(WholeStatement(head=head, entries=tuple(entries)))
            case _:
                assert_never(placed.part)
    return statements
