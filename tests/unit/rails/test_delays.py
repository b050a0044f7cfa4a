"""How long the simulated bank takes."""

from __future__ import annotations

import pytest

from payments.rails import SECOND_US, TIMINGS, Rail
from rails.simulated.delays import LATE_US_MAX, returns_at_us, settles_at_us
from tests.unit.rails.instructions import CLAIMED_AT_US, instruction


@pytest.mark.parametrize("speed", [1.0, 20.0])
@pytest.mark.parametrize("rail", list(Rail))
def test_from_claim_and_from_initiation_a_transfer_settles_inside_its_rails_range(rail: Rail, speed: float) -> None:
    timing = TIMINGS[rail]
    least_us, most_us = (int(s * SECOND_US / speed) for s in (timing.settle_s_min, timing.settle_s_max))
    # The claim comes when it is due, and a fifth of the range's width late, which is the slowest pipeline that fits.
    before_us = int(timing.claim_delay_s * SECOND_US / speed) + (most_us - least_us) // 5
    times = set()
    for n in range(1, 501):
        order = instruction(n, rail=rail, speed=speed, initiated_before_us=before_us)
        at_us = settles_at_us(order, received_at_us=CLAIMED_AT_US, speed=speed)
        assert least_us < at_us - CLAIMED_AT_US < most_us
        assert least_us < at_us - (CLAIMED_AT_US - before_us) < most_us
        times.add(at_us)
    # Spread over what is left of the range, not bunched.
    assert len(times) > 490
    assert max(times) - min(times) > 0.4 * (most_us - least_us)


def test_a_delay_is_drawn_from_the_reference_and_nothing_else() -> None:
    first = settles_at_us(instruction(7), received_at_us=CLAIMED_AT_US, speed=1)
    again = settles_at_us(instruction(7, amount_minor=1), received_at_us=CLAIMED_AT_US + 900_000, speed=1)
    assert first == again
    assert first != settles_at_us(instruction(8), received_at_us=CLAIMED_AT_US, speed=1)


def test_a_claim_that_came_too_late_for_the_expected_settlement_takes_the_rails_least_delay() -> None:
    order = instruction(rail=Rail.INSTANT, initiated_before_us=60 * SECOND_US)
    assert settles_at_us(order, received_at_us=CLAIMED_AT_US, speed=1) == CLAIMED_AT_US + 1_050_000


def test_a_transfer_that_was_held_up_settles_when_it_arrives_not_before() -> None:
    order = instruction(rail=Rail.INSTANT)
    planned_us = settles_at_us(order, received_at_us=CLAIMED_AT_US, speed=1)
    assert settles_at_us(order, received_at_us=planned_us + LATE_US_MAX, speed=1) == planned_us
    late_us = planned_us + LATE_US_MAX + 1
    assert settles_at_us(order, received_at_us=late_us, speed=1) == late_us


def test_a_return_comes_another_delay_of_the_rail_after_the_settlement() -> None:
    order = instruction(rail=Rail.WIRE)
    returned_us = returns_at_us(order, settled_at_us=CLAIMED_AT_US, speed=1)
    assert 5 * SECOND_US <= returned_us - CLAIMED_AT_US <= 10 * SECOND_US
