"""The statements that a file has had so far: none may come twice."""

from __future__ import annotations

from reconciliation.statements.faults import Rule, refused

# More accounts and days than one file of a bank has; their names are held until its end.
STATEMENTS_MAX = 100_000


class Seen:
    """Remembers statements by account and statement id."""

    def __init__(self) -> None:
        self._names: set[tuple[str, str]] = set()

    def add(self, account: str, statement_id: str, *, line: int) -> bool:
        """Remember a statement; False when it was there before. Raises InvalidStatement when there are too many."""
        if len(self._names) == STATEMENTS_MAX:
            detail = f"a file must have at most {STATEMENTS_MAX} statements"
            raise refused(line, "statement", Rule.TOO_LARGE, detail)
        name = (account, statement_id)
        if name in self._names:
            return False
        self._names.add(name)
        return True

    @property
    def count(self) -> int:
        return len(self._names)
