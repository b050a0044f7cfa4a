"""payment-rejections: every poisonous record is there, none twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from chaos.oracle.violation import Kind, Violation
from payments.rejection import Rejection

Place = tuple[str, int, int]  # Topic, partition, offset.


def poison_is_refused(poison: Iterable[tuple[Place, str]], rejections: Iterable[Rejection]) -> Iterator[Violation]:
    """Each of the poisonous records (its place, its kind) is among the rejections."""
    refused = {place_of(rejection) for rejection in rejections}
    for place, kind in poison:
        if place not in refused:
            detail = f"{kind} at {_text(place)} is not among the rejections"
            yield Violation(kind=Kind.POISON_SWALLOWED, payment_id=None, detail=detail)


def refused_once(rejections: Iterable[Rejection]) -> Iterator[Violation]:
    """No record is refused more than once."""
    counts: Counter[Place] = Counter()
    payments: dict[Place, str | None] = {}
    for rejection in rejections:
        place = place_of(rejection)
        counts[place] += 1
        payments[place] = rejection.payment_id
    for place, count in counts.items():
        if count > 1:
            detail = f"the record at {_text(place)} is refused {count} times"
            yield Violation(kind=Kind.DOUBLED_REJECTION, payment_id=payments[place], detail=detail)


def place_of(rejection: Rejection) -> Place:
    return rejection.topic, rejection.partition, rejection.offset


def _text(place: Place) -> str:
    return f"{place[0]}-{place[1]}@{place[2]}"
