"""Defects of the books: postings on the wrong side, or without their other side."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from payments import ledger
from payments.ledger import Direction, Posting
from payments.payment import EventType, Head, Transition
from tests.defects.case import everywhere

TURNED = {Direction.DEBIT: Direction.CREDIT, Direction.CREDIT: Direction.DEBIT}


def a_return_is_booked_with_the_wrong_sign(patch: pytest.MonkeyPatch) -> None:
    sound = ledger.postings

    def postings(head: Head, transition: Transition) -> tuple[Posting, ...]:
        lines = sound(head, transition)
        if transition.event_type is not EventType.RETURNED:
            return lines
        return tuple(replace(line, direction=TURNED[line.direction]) for line in lines)

    everywhere(patch, sound, postings)


def a_transfer_is_booked_on_one_side_only(patch: pytest.MonkeyPatch) -> None:
    sound = ledger.postings
    everywhere(patch, sound, lambda head, transition: sound(head, transition)[:1])
