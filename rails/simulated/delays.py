"""How long the simulated bank takes: each transfer its own time, drawn from its reference, inside its rail's range."""

from __future__ import annotations

import hashlib

from payments.rails import SECOND_US, TIMINGS
from rails.bank import Instruction

# Clear of the range's ends, so that rounding and clocks cannot carry a payment over them.
MARGIN = 0.05
# The way to the bank is short, but delays divided by 20 are shorter still. A transfer that arrives this late at most is
# valued at the time that its rail promises; one that arrives later was held up, and settles when it arrives.
LATE_US_MAX = 5 * SECOND_US


def settles_at_us(instruction: Instruction, *, received_at_us: int, speed: float) -> int:
    """Return when a transfer settles: microseconds since the epoch, the same whenever it is asked.

    Between the rail's least and greatest delay (divided by `speed`) after the claim, and before the settlement that the
    caller was told to expect, where that leaves any choice.
    """
    timing = TIMINGS[instruction.rail]
    least_us = int(timing.settle_s_min * SECOND_US / speed)
    greatest_us = int(timing.settle_s_max * SECOND_US / speed)
    margin_us = int((greatest_us - least_us) * MARGIN)
    earliest_us = instruction.claimed_at_us + least_us + margin_us
    latest_us = min(instruction.claimed_at_us + greatest_us, instruction.settle_by_us) - margin_us
    at_us = earliest_us + _draw(instruction.reference, max(0, latest_us - earliest_us))
    return at_us if received_at_us - at_us <= LATE_US_MAX else received_at_us


def returns_at_us(instruction: Instruction, *, settled_at_us: int, speed: float) -> int:
    """Return when a settled transfer comes back: another delay of its rail later."""
    timing = TIMINGS[instruction.rail]
    least_us = int(timing.settle_s_min * SECOND_US / speed)
    greatest_us = int(timing.settle_s_max * SECOND_US / speed)
    return settled_at_us + least_us + _draw(f"{instruction.reference}:return", greatest_us - least_us)


def _draw(seed: str, most: int) -> int:
    """Return a number from 0 to `most`, evenly spread over seeds and always the same for one."""
    fraction = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    return fraction * (most + 1) >> 64
