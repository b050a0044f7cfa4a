"""Every contestant meets the same faults at the same times."""

from __future__ import annotations

from itertools import pairwise

from bench.breaking_rule import BREAKS, RuleBroke, breaking
from bench.fault_schedule import Act, scripts
from bench.faults_stage import Outcome, table
from bench.inputs import lives
from payments.decision import Moved
from payments.lifecycle import decide


def test_the_same_seed_gives_the_same_faults_and_another_gives_others() -> None:
    assert scripts(7, payments=500, over_s=60) == scripts(7, payments=500, over_s=60)
    assert scripts(7, payments=500, over_s=60) != scripts(8, payments=500, over_s=60)


def test_every_act_has_faults_within_its_load_and_none_before_the_last_has_ended() -> None:
    for script in scripts(1, payments=2000, over_s=50):
        assert script.faults or script.breaks
        assert all(0 < fault.at_s < 50 for fault in script.faults)
        assert all(one.at_s + one.lasts_s <= other.at_s for one, other in pairwise(script.faults))


def test_the_rule_raises_for_the_payments_that_were_drawn_and_for_no_other() -> None:
    drawn = next(script.breaks for script in scripts(1, payments=50, over_s=10) if script.act is Act.EXCEPTION)
    rule = breaking(decide)
    for number, life in enumerate(lives("run", 50, breaks=drawn)):
        assert (life.order.description == BREAKS) == (number in drawn)
        try:
            assert isinstance(rule(life.order, None), Moved)
        except RuleBroke:
            assert number in drawn
        else:
            assert number not in drawn


def test_outcomes_are_a_table_with_a_row_each() -> None:
    outcome = Outcome(
        contestant="any", act="kill -9", payments=9, faults=1, lost=2, stuck=0, silent=0, refused=0, misjudged=4,
        doubled=3, out_of_order=0, forgotten=0, crashes=0,
    )  # fmt: skip
    assert table([outcome])[2] == "| any | kill -9 | 9 | 1 | 2 | 0 | 0 | 0 | 4 | 3 | 0 | 0 | 0 |"
