from __future__ import annotations

import pytest

from payments.timestamps import rfc3339


@pytest.mark.parametrize(
    ("at_us", "text"),
    [
        (946_684_800_000_000, "2000-01-01T00:00:00.000000Z"),
        (1_709_164_800_000_001, "2024-02-29T00:00:00.000001Z"),
        (7_258_118_399_999_999, "2199-12-31T23:59:59.999999Z"),
    ],
)
def test_times_are_rfc_3339_to_the_microsecond(at_us: int, text: str) -> None:
    assert rfc3339(at_us) == text
