from __future__ import annotations

import pytest

from payments.rails import RAILS, SECOND_US, TIMINGS, Rail, claim_due_us, expected_settlement_us

T0_US = 1_740_061_920_000_000


def test_the_rails_and_their_ranges_are_the_contracts() -> None:
    assert {rail.value: (TIMINGS[rail].settle_s_min, TIMINGS[rail].settle_s_max) for rail in Rail} == {
        "instant": (1, 2),
        "same_day_ach": (30, 60),
        "standard_ach": (120, 180),
        "wire": (5, 10),
    }
    assert set(RAILS) == set(Rail)


@pytest.mark.parametrize("rail", Rail)
@pytest.mark.parametrize("speed", [1.0, 20.0, 1000.0])
def test_a_payment_is_claimed_before_it_can_settle_and_expected_within_its_range(rail: Rail, speed: float) -> None:
    due_at_us = claim_due_us(rail, T0_US, speed)
    assert T0_US <= due_at_us < T0_US + TIMINGS[rail].settle_s_min * SECOND_US / speed
    assert expected_settlement_us(rail, due_at_us, speed) - T0_US == pytest.approx(
        TIMINGS[rail].settle_s_max * SECOND_US / speed, abs=2
    )


def test_a_file_rail_leaves_time_to_cancel() -> None:
    assert claim_due_us(Rail.STANDARD_ACH, T0_US, 1.0) - T0_US == 5 * SECOND_US
    assert claim_due_us(Rail.INSTANT, T0_US, 1.0) == T0_US
