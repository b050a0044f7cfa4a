from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, force_setattr, replace

from payments.commands import Order
from payments.payment import EventType, Payment, Status, event_metadata, first_broken_link
from payments.rails import Rail
from tests.unit.payments.histories import (
    COMMAND,
    IN_EACH_STATUS,
    MARCH,
    SECOND_US,
    T0_US,
    after_all,
    initiated,
    lives,
    returned,
)

RETURNED = IN_EACH_STATUS[Status.RETURNED]

# The chain of the March payment to its return, as published: to change it is to break with every record there is.
GOLDEN_CHAIN = [
    "8ae13074c2144f7bf3a9ef24aacd5957a51e07a61773b4c426d748a801ef2a6a",
    "7b2ed76782f022375f8bf4e3243abc161ba1348c97b3e749825f0e7f662f2526",
    "b78b3e81c9423a9f8703f42edb91bb8685cd4ccb5d1fd542b60ebf129b2d47e2",
    "1fda84c9a82438c842d0510a139c8dbff78122f1179d3ff2304f7ebd8ce85123",
]


def other_values(value: Any) -> list[Any]:
    """Return values of the same type that a tamperer might put in a field."""
    match value:
        case Status() | EventType() | Rail():
            return [other for other in type(value) if other is not value]
        case str():
            return [value + " ", value.upper() + "!", ""]
        case bytes():
            return [bytes([value[0] ^ 1]) + value[1:], value[:-1] + bytes([value[-1] ^ 128]), b""]
        case int():
            return [value + 1, value - 1, -value - 1]
        case None:
            return ["", "33333333-3333-4333-8333-333333333333"]
        case dict():
            changed = [{**value, key: text + "x"} for key, text in value.items()]
            return [*changed, {**value, "more": "x"}, *([{}] if value else [])]
        case _:
            raise AssertionError(value)


def heads_tampered_with() -> Iterator[Payment]:
    for field in fields(RETURNED.head):
        for other in other_values(getattr(RETURNED.head, field.name)):
            yield replace(RETURNED, head=replace(RETURNED.head, **{field.name: other}))


def test_every_field_of_the_head_is_covered_by_the_chain() -> None:
    tampered = list(heads_tampered_with())
    assert len(tampered) >= 2 * len(fields(RETURNED.head))
    assert [first_broken_link(payment) for payment in tampered] == [1] * len(tampered)


@pytest.mark.parametrize("index", range(len(RETURNED.transitions)))
def test_every_field_of_every_transition_is_covered_by_the_chain(index: int) -> None:
    transition = RETURNED.transitions[index]
    for field in fields(transition):
        for other in other_values(getattr(transition, field.name)):
            tampered = list(RETURNED.transitions)
            tampered[index] = replace(transition, **{field.name: other})
            # Bypasses the constructor, which would refuse a snapshot whose end does not fit already.
            payment = replace(RETURNED)
            force_setattr(payment, "transitions", tuple(tampered))
            assert first_broken_link(payment) == index + 1, (field.name, other)


def test_a_transition_that_is_left_out_or_moved_breaks_the_chain() -> None:
    first, second, third, fourth = RETURNED.transitions
    for transitions, broken in [
        ((second, third, fourth), 1),
        ((first, third, fourth), 2),
        ((first, second, fourth), 3),
        ((first, third, second, fourth), 2),
    ]:
        payment = replace(RETURNED)
        force_setattr(payment, "transitions", transitions)
        assert first_broken_link(payment) == broken


def test_a_transition_that_is_rehashed_breaks_the_one_after_it() -> None:
    first, second, *rest = RETURNED.transitions
    forged = replace(second, occurred_at_us=second.occurred_at_us + 1)
    forged = replace(forged, hash=forged.hash_after(first.hash))
    assert first_broken_link(replace(RETURNED, transitions=(first, forged, *rest))) == 3


def test_the_chain_of_a_payment_is_the_published_one() -> None:
    assert RETURNED.head.hash.hex() == "d9c97a14faeeacc4299cebdabd55311e38a8337c98ed2ee4ddabf255f96a4857"
    assert [transition.hash.hex() for transition in RETURNED.transitions] == GOLDEN_CHAIN


def test_a_stranger_can_recompute_the_chain_with_sha_256_and_json() -> None:
    previous = RETURNED.head.hash
    for t in RETURNED.transitions:
        parts = [
            t.sequence, t.event_type, t.previous_status, t.new_status, t.occurred_at_us, t.caused_by, t.changes
        ]  # fmt: skip
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(previous + text.encode()).digest() == t.hash
        previous = t.hash


@given(lives)
def test_the_chain_of_any_life_is_intact(life: list[Order]) -> None:
    assert [first_broken_link(payment) for payment in after_all(life)] == [None] * len(after_all(life))


@pytest.mark.parametrize(
    "broken",
    [
        {"transitions": ()},
        {"status": Status.COMPLETED},
        {"transitions": RETURNED.transitions[:-1]},
        {"transitions": RETURNED.transitions[1:]},
        {"transitions": (*RETURNED.transitions, RETURNED.last)},
    ],
    ids=["no transition", "another status", "the last is missing", "the first is missing", "the last is there twice"],
)
def test_a_snapshot_that_its_history_does_not_explain_stops_the_process(broken: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        replace(RETURNED, **broken)


def test_a_payment_tells_its_key_times_and_creator() -> None:
    assert RETURNED.key == "demo:payment-march-001"
    assert RETURNED.payment_id == MARCH.payment_id
    assert RETURNED.created_by == COMMAND
    assert RETURNED.completed_at_us == T0_US + 150 * SECOND_US
    assert RETURNED.updated_at_us == T0_US + 200 * SECOND_US
    assert initiated().completed_at_us is None


def test_a_payment_has_heard_what_moved_it_and_nothing_else() -> None:
    assert all(RETURNED.has_heard(transition.caused_by) for transition in RETURNED.transitions)
    assert not RETURNED.has_heard(returned(attempt=2).id)
    assert not initiated().has_heard(returned().id)


def test_metadata_of_an_event_tells_the_terms_and_what_changed() -> None:
    terms = {
        "payer_account": MARCH.payer_account_id,
        "payee_account": MARCH.payee_account_id,
        "amount": "1500.00",
        "currency": "USD",
        "rail": "standard_ach",
    }
    first, second, third, fourth = (event_metadata(RETURNED.head, transition) for transition in RETURNED.transitions)
    assert first == terms
    assert second == {**terms, "attempt": "1"}
    assert third == {**terms, "attempt": "1", "bank_reference": "bank-1"}
    assert fourth == {
        **terms,
        "attempt": "1",
        "failure_code": "R01",
        "failure_reason": "insufficient funds",
        "failure_source": "rail",
    }


@given(lives, st.data())
def test_what_changed_never_overwrites_the_terms_in_metadata(life: list[Order], data: st.DataObject) -> None:
    payment = data.draw(st.sampled_from(after_all(life)))
    terms = event_metadata(payment.head, payment.transitions[0])
    assert event_metadata(payment.head, payment.last).items() >= terms.items()
