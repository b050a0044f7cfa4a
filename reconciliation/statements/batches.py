"""The payments of an entry: how many it may hold, and that they add up to what the statement says of them."""

from __future__ import annotations

from collections.abc import Sequence

from reconciliation.statements.faults import BrokenText, Rule
from reconciliation.statements.values import BatchItem

# An entry is held whole, in 100 MB at most. A file of ours has up to 100,000 payments, and a bank may book it as one
# entry, each payment in a batch of its own, with 100 characters of text.
PARTS_MAX = 200_000
TEXT_CHARACTERS_MAX = 10_000_000


class EntrySize:
    """How much an entry holds so far: its batches and payments, and their text."""

    def __init__(self) -> None:
        self._parts = 0
        self._text_characters = 0

    def add(self, text: str = "") -> None:
        """Count a batch or a payment; raises BrokenText when there is too much."""
        self._parts += 1
        self._text_characters += len(text)
        if self._parts > PARTS_MAX or self._text_characters > TEXT_CHARACTERS_MAX:
            detail = f"an entry must have at most {PARTS_MAX} parts, with {TEXT_CHARACTERS_MAX} characters of text"
            raise BrokenText(Rule.TOO_LARGE, detail)


def check_count(said: int, items: Sequence[BatchItem]) -> None:
    """Raise BrokenText unless `said` is how many payments are listed, or none is."""
    if items and said != len(items):
        raise BrokenText(Rule.COUNT, f"is {said}; the batch lists {len(items)}")


def check_net(said_minor: int, items: Sequence[BatchItem]) -> None:
    """Raise BrokenText unless the payments add up to `said_minor`, a credit positive, where all have amounts."""
    given = [item.direction.signed(item.amount_minor) for item in items if item.amount_minor is not None]
    if items and len(given) == len(items) and sum(given) != said_minor:
        raise BrokenText(Rule.SUM, f"is {said_minor} minor units; the payments of the batch give {sum(given)}")
