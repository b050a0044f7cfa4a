"""The payment rails and how long each takes when no banking calendar is asked for (delay mode)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SECOND_US = 1_000_000


class Rail(StrEnum):
    """A way for money to travel, as `payment_rail_type` names it."""

    INSTANT = "instant"
    SAME_DAY_ACH = "same_day_ach"
    STANDARD_ACH = "standard_ach"
    WIRE = "wire"


RAILS = {rail.value: rail for rail in Rail}
ACH_RAILS = frozenset({Rail.SAME_DAY_ACH, Rail.STANDARD_ACH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds at rail speed 1: from initiation to claim, and from initiation to settlement at least and at most."""

    claim_delay_s: float
    settle_s_min: float
    settle_s_max: float


# The ranges are the contract's. The ACH rails wait for their next file, which is what leaves time to cancel.
TIMINGS = {
    Rail.INSTANT: Timing(claim_delay_s=0, settle_s_min=1, settle_s_max=2),
    Rail.WIRE: Timing(claim_delay_s=0, settle_s_min=5, settle_s_max=10),
    Rail.SAME_DAY_ACH: Timing(claim_delay_s=5, settle_s_min=30, settle_s_max=60),
    Rail.STANDARD_ACH: Timing(claim_delay_s=5, settle_s_min=120, settle_s_max=180),
}


def claim_due_us(rail: Rail, initiated_at_us: int, speed: float) -> int:
    """Return when the gateway may claim a payment: microseconds since the epoch, UTC."""
    return initiated_at_us + int(TIMINGS[rail].claim_delay_s * SECOND_US / speed)


def expected_settlement_us(rail: Rail, due_at_us: int, speed: float) -> int:
    """Return the latest settlement to expect of a payment that is claimed at `due_at_us`."""
    timing = TIMINGS[rail]
    return due_at_us + int((timing.settle_s_max - timing.claim_delay_s) * SECOND_US / speed)
