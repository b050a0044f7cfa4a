"""What the group is told, and what is made of it by who has lost the state."""

from __future__ import annotations

from kafka_log.group_reader import Told
from webhooks.arrivals import place_told, told_of
from webhooks.pending import Place


def test_the_group_remembers_from_where_the_state_is_rebuilt() -> None:
    place = Place(next_event=5, next_request=2, next_notice=4, since_us=1_796_083_200_000_000, taken_until_us=7)
    assert place_told(told_of(place)) == place


def test_a_group_that_was_told_nothing_reads_all_and_a_note_that_is_not_ours_costs_only_time() -> None:
    assert place_told(None) == Place(next_event=0)
    for note in ("", "{}", "[]", "nonsense", '{"requests": null}'):
        assert place_told(Told(offset=5, note=note)) == Place(next_event=5)
