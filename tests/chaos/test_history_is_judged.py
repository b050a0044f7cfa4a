"""The oracle over payment-events: silent on what is sound, and each check able to fire."""

from __future__ import annotations

from msgspec.structs import replace

from chaos.oracle.history import Log
from chaos.oracle.violation import Kind
from payments.payment import EventType, Payment, Status, Transition
from schemas.partitioning import partition_of
from tests.chaos.evidence import PAID, PARTITIONS, event, log, log_of, without
from tests.unit.payments.histories import MARCH, after_all, cancelled, claimed, returned


def kinds(found: Log) -> set[Kind]:
    assert all(violation.payment_id == MARCH.payment_id for violation in found.violations)
    return {violation.kind for violation in found.violations}


def chained(*steps: tuple[EventType, Status | None, Status]) -> Payment:
    """Return a payment with these transitions, legal or not, whose hashes fit."""
    first = after_all([MARCH])[0]
    previous, transitions = first.head.hash, []
    for number, (event_type, before, after) in enumerate(steps, start=1):
        transition = Transition.after(
            previous,
            sequence=number,
            event_type=event_type,
            previous_status=before,
            new_status=after,
            occurred_at_us=MARCH.requested_at_us + number,
            caused_by=MARCH.id,
            changes={},
        )
        transitions.append(transition)
        previous = transition.hash
    return replace(first, status=steps[-1][2], transitions=tuple(transitions))


def test_sound_histories_are_not_accused() -> None:
    for orders in (PAID, (*PAID, returned()), (MARCH, cancelled()), (MARCH,)):
        found = log(*orders)
        assert found.violations == []
        assert found.events == len(orders)


def test_the_same_record_twice_is_a_doubled_event() -> None:
    steps = after_all(PAID)
    assert kinds(log_of([steps[0], steps[1], steps[1], steps[2]])) == {Kind.DOUBLED_EVENT}


def test_a_doubled_older_record_is_a_doubled_event_and_hides_nothing() -> None:
    steps = after_all(PAID)
    found = log_of([*steps, steps[0]])
    assert kinds(found) == {Kind.DOUBLED_EVENT}
    assert found.get(MARCH.payment_id) == steps[-1]


def test_a_record_that_is_missing_is_out_of_order() -> None:
    for place in (0, 1):
        assert kinds(log_of(without(after_all(PAID), place))) == {Kind.OUT_OF_ORDER}


def test_records_that_changed_places_are_out_of_order() -> None:
    steps = after_all(PAID)
    assert Kind.OUT_OF_ORDER in kinds(log_of([steps[0], steps[2], steps[1]]))


def test_two_pasts_are_a_fork() -> None:
    paid, stopped = after_all(PAID), after_all([MARCH, cancelled()])
    assert Kind.FORKED in kinds(log_of([paid[0], stopped[1], paid[1], paid[2]]))


def test_another_head_is_a_fork() -> None:
    later = after_all([replace(MARCH, amount_minor=1), claimed()])[1]
    assert Kind.FORKED in kinds(log_of([after_all([MARCH])[0], later]))


def test_a_changed_transition_breaks_the_chain() -> None:
    payment = after_all([MARCH])[0]
    forged = replace(payment.transitions[0], changes={"amount": "1.00"})
    assert kinds(log_of([replace(payment, transitions=(forged,))])) == {Kind.CHAIN_BROKEN}


def test_a_move_that_the_lifecycle_lacks_is_illegal() -> None:
    jump = chained((EventType.INITIATED, None, Status.PENDING), (EventType.COMPLETED, Status.PENDING, Status.COMPLETED))
    first = replace(jump, status=Status.PENDING, transitions=jump.transitions[:1])
    assert kinds(log_of([first, jump])) == {Kind.ILLEGAL_MOVE}


def test_a_move_from_another_status_than_the_one_before_led_to_is_illegal() -> None:
    jump = chained(
        (EventType.INITIATED, None, Status.PENDING), (EventType.COMPLETED, Status.PROCESSING, Status.COMPLETED)
    )
    first = replace(jump, status=Status.PENDING, transitions=jump.transitions[:1])
    assert kinds(log_of([first, jump])) == {Kind.ILLEGAL_MOVE}


def test_times_that_do_not_increase_are_found() -> None:
    payment = after_all([MARCH, claimed()])[1]
    last = payment.transitions[-1]
    turned = Transition.after(
        payment.transitions[0].hash,
        sequence=2,
        event_type=last.event_type,
        previous_status=last.previous_status,
        new_status=last.new_status,
        occurred_at_us=payment.transitions[0].occurred_at_us,
        caused_by=last.caused_by,
        changes=last.changes,
    )
    later = replace(payment, transitions=(payment.transitions[0], turned))
    assert kinds(log_of([after_all([MARCH])[0], later])) == {Kind.TIME_TURNED}


def test_a_record_on_another_partition_or_under_another_key_is_misplaced() -> None:
    payment = after_all([MARCH])[0]
    elsewhere = (partition_of(payment.key, PARTITIONS) + 1) % PARTITIONS
    for found in (event(payment, partition=elsewhere), event(payment, key="other")):
        assert kinds(Log([found], partitions=PARTITIONS)) == {Kind.MISPLACED}
