"""Return rates against the levels that Nacha publishes, written here once more."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rails.nacha.return_codes import RETURN_REASONS
from rails.nacha.return_rates import Kind, ReturnRate, return_rates

TODAY = date(2026, 11, 27)
# Of 10,000 debits, how many may come back.
MOST = {Kind.UNAUTHORIZED: 50, Kind.ADMINISTRATIVE: 300, Kind.OVERALL: 1500}
CODES = {
    Kind.UNAUTHORIZED: ["R05", "R07", "R10", "R11", "R29"],
    Kind.ADMINISTRATIVE: ["R02", "R03", "R04"],
    Kind.OVERALL: sorted(RETURN_REASONS),
}
codes = st.sampled_from(sorted(RETURN_REASONS))
days = st.integers(-3, 70).map(lambda before: TODAY - timedelta(days=before))


def rates(originated: int, returned: dict[str, int]) -> dict[Kind, ReturnRate]:
    """The rates of a day on which all of it happened."""
    came_back = {(TODAY, code): entries for code, entries in returned.items()}
    return {rate.level.kind: rate for rate in return_rates({TODAY: originated}, came_back, TODAY)}


@pytest.mark.parametrize("kind", Kind)
def test_the_level_itself_is_within_it_and_one_more_is_not(kind: Kind) -> None:
    code, most = CODES[kind][0], MOST[kind]
    within, above = rates(10_000, {code: most})[kind], rates(10_000, {code: most + 1})[kind]
    assert (within.returned, within.originated, within.is_exceeded) == (most, 10_000, False)
    assert above.is_exceeded
    assert above.share == (most + 1) / 10_000


@pytest.mark.parametrize("code", sorted(RETURN_REASONS))
def test_every_code_counts_for_the_kinds_that_it_is_of(code: str) -> None:
    assert {kind for kind, rate in rates(1, {code: 1}).items() if rate.returned} == {
        kind for kind, of_kind in CODES.items() if code in of_kind
    }


def test_reasons_of_a_kind_are_added_up() -> None:
    found = rates(1000, {"R10": 3, "R29": 3, "R02": 20, "R03": 10, "R01": 100})
    assert {kind: rate.returned for kind, rate in found.items()} == {
        Kind.UNAUTHORIZED: 6,
        Kind.ADMINISTRATIVE: 30,
        Kind.OVERALL: 136,
    }
    assert {kind for kind, rate in found.items() if rate.is_exceeded} == {Kind.UNAUTHORIZED}


def test_sixty_days_count_of_which_the_last_is_today() -> None:
    first, before, tomorrow = date(2026, 9, 29), date(2026, 9, 28), date(2026, 11, 28)
    [*_, overall] = return_rates(
        {first: 10, before: 1000, tomorrow: 1000},
        {(first, "R01"): 2, (before, "R01"): 99, (tomorrow, "R01"): 99},
        TODAY,
    )
    assert (overall.returned, overall.originated, overall.is_exceeded) == (2, 10, True)


def test_without_debits_nothing_is_exceeded_unless_earlier_ones_come_back() -> None:
    assert not any(rate.is_exceeded for rate in rates(0, {}).values())
    assert {rate.share for rate in rates(0, {}).values()} == {0.0}
    assert rates(0, {"R01": 1})[Kind.OVERALL].is_exceeded
    assert rates(0, {"R01": 1})[Kind.OVERALL].share == float("inf")


@given(st.lists(st.tuples(days, st.none() | codes), max_size=60))
def test_rates_are_counts_of_debits_and_returns_one_by_one(history: list[tuple[date, str | None]]) -> None:
    originated: dict[date, int] = {}
    returned: dict[tuple[date, str], int] = {}
    for day, code in history:
        if code is None:
            originated[day] = originated.get(day, 0) + 1
        else:
            returned[day, code] = returned.get((day, code), 0) + 1
    recent = [code for day, code in history if 0 <= (TODAY - day).days < 60]
    for rate in return_rates(originated, returned, TODAY):
        assert rate.originated == recent.count(None)
        assert rate.returned == sum(code in CODES[rate.level.kind] for code in recent)
