"""Batches have every item once, in order, and no more of them than are wanted at once."""

from __future__ import annotations

from itertools import count, islice

import pytest

from kafka_log.batches import in_batches


@pytest.mark.parametrize(
    ("items", "batches"),
    [
        ([], []),
        ([1], [[1]]),
        ([1, 2, 3], [[1, 2, 3]]),
        ([1, 2, 3, 4], [[1, 2, 3], [4]]),
        ([1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]),
    ],
)
def test_every_item_is_in_a_batch_in_order(items: list[int], batches: list[list[int]]) -> None:
    assert list(in_batches(items, 3)) == batches


def test_what_has_no_end_is_taken_batch_by_batch() -> None:
    numbers = count(1)
    assert list(islice(in_batches(numbers, 2), 2)) == [[1, 2], [3, 4]]
    assert next(numbers) == 5
