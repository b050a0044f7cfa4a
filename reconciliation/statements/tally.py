"""What the entries of one statement add up to, while they pass."""

from __future__ import annotations

from reconciliation.statements.faults import BrokenText, Rule
from reconciliation.statements.values import Direction, Entry, Statement, StatementEnd


class Tally:
    """Counts and sums of a statement's entries; sums and `credits`, `debits` are of booked ones only."""

    def __init__(self) -> None:
        self.entries = 0
        self.credits = 0
        self.debits = 0
        self.credit_minor = 0
        self.debit_minor = 0

    @property
    def is_all_booked(self) -> bool:
        return self.entries == self.credits + self.debits

    @property
    def net_minor(self) -> int:
        return self.credit_minor - self.debit_minor

    def add(self, entry: Entry) -> None:
        """Take the next entry."""
        self.entries += 1
        if not entry.is_booked:
            return
        if entry.direction is Direction.CREDIT:
            self.credits += 1
            self.credit_minor += entry.amount_minor
        else:
            self.debits += 1
            self.debit_minor += entry.amount_minor

    def end(self, statement: Statement) -> StatementEnd:
        """Return the statement's end; raises BrokenText when its closing balance does not follow from its entries."""
        follows_minor = statement.opening_minor + self.net_minor
        if statement.closing_minor != follows_minor:
            detail = f"is {statement.closing_minor} minor units; opening balance and entries give {follows_minor}"
            raise BrokenText(Rule.BALANCE, detail)
        return StatementEnd(entries_count=self.entries, credit_minor=self.credit_minor, debit_minor=self.debit_minor)
