"""What is written, sent or asked in bounded batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def in_batches(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield the items in their order, so many at a time; the last batch may be smaller, and none is empty.

    An item is taken only when its batch is: memory does not grow with them.
    """
    iterator = iter(items)
    while batch := list(islice(iterator, most)):
        yield batch
