"""Which deliveries a record means: the transitions after the last that was taken, to whom wants to hear of them."""

from __future__ import annotations

from directory.register import Register
from payments.payment import EventType, Transition
from tests.unit.payments.histories import MARCH, SECOND_US, T0_US, after_all, claimed, returned, settled
from tests.unit.webhooks.endpoints import disabled, endpoint_record, revoked
from webhooks.taking import CLOCKS_DIFFER_US, new_transitions, wanted

PAYMENT = after_all([MARCH, claimed(), settled(), returned()])[-1]
COMPLETED_US = PAYMENT.transitions[2].occurred_at_us


def sequences(steps: object) -> list[int]:
    assert isinstance(steps, list | tuple)
    return [step.sequence for step in steps]


def test_all_transitions_after_the_last_that_was_taken_are_new() -> None:
    for known in range(5):
        steps = new_transitions(PAYMENT, known=known, is_late=False, taken_until_us=0)
        assert sequences(steps) == list(range(known + 1, 5))


def test_of_a_payment_that_is_not_known_a_record_means_its_last_transition() -> None:
    assert sequences(new_transitions(PAYMENT, known=None, is_late=False, taken_until_us=0)) == [4]


def test_a_late_record_stands_for_those_that_compaction_took_and_no_earlier_ones() -> None:
    for until_us, expected in ((0, [1, 2, 3, 4]), (COMPLETED_US, [3, 4]), (COMPLETED_US + 10**9, [4])):
        assert sequences(new_transitions(PAYMENT, known=None, is_late=True, taken_until_us=until_us)) == expected
    assert sequences(new_transitions(PAYMENT, known=2, is_late=True, taken_until_us=10**18)) == [3, 4]


def told(record: object) -> list[Transition]:
    register = Register()
    register.apply_event(record)  # type: ignore[arg-type]
    entry = register.get(record.entity_id)  # type: ignore[attr-defined]
    assert entry is not None
    return list(wanted(PAYMENT.transitions, entry))


def test_an_endpoint_is_told_of_the_events_that_it_names_or_of_all() -> None:
    assert sequences(told(endpoint_record())) == [1, 2, 3, 4]
    only = endpoint_record(events=(EventType.COMPLETED, EventType.RETURNED))
    assert sequences(told(only)) == [3, 4]


def test_an_endpoint_is_told_of_what_happens_from_its_creation_on_by_clocks_that_differ_a_little() -> None:
    assert sequences(told(endpoint_record(created_at_us=COMPLETED_US + CLOCKS_DIFFER_US))) == [3, 4]
    assert sequences(told(endpoint_record(created_at_us=COMPLETED_US + CLOCKS_DIFFER_US + 1))) == [4]
    assert sequences(told(endpoint_record(created_at_us=T0_US + 3600 * SECOND_US))) == []


def test_a_disabled_endpoint_is_still_to_be_told_and_a_revoked_one_is_not() -> None:
    record = endpoint_record()
    assert sequences(told(disabled(record))) == [1, 2, 3, 4]
    assert sequences(told(revoked(record))) == []
