"""Turns of several contestants on one machine, in an order that lets a slow hour hit all of them, and their ratios."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TypeVar

Contestant = TypeVar("Contestant")


def there_and_back(contestants: Sequence[Contestant]) -> list[Contestant]:
    """Return the order of the turns: A-B-C-C-B-A; one that is alone has one turn."""
    return [*contestants, *reversed(contestants)] if len(contestants) > 1 else list(contestants)


def ratio_median(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return how many times more ours is: what is usual."""
    return round(statistics.median(ours) / statistics.median(theirs), 2)


def ratio_worst(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return our slowest turn by their fastest: what could be held against us."""
    return round(min(ours) / max(theirs), 2)
