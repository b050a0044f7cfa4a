"""The load as it is planned: which payments, when, over which channel, with what trouble. The seed fixes all of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from chaos.answers import Channel, Terms
from payments.rails import Rail

Choice = TypeVar("Choice", bound=str)

CHANNELS = {Channel.HTTP: 25, Channel.BATCH: 35, Channel.MURMUR2: 20, Channel.CRC32: 20}
RAILS = {Rail.INSTANT: 40, Rail.WIRE: 20, Rail.SAME_DAY_ACH: 25, Rail.STANDARD_ACH: 15}
# Payers by what the bank does with them, in per mille. Whom the bank does not answer costs the gateway seconds each.
PAYERS = {
    "plain": 908,
    "10001": 20,
    "10003": 20,
    "20001": 20,
    "20010": 20,
    "30000": 2,
    "30001": 2,
    "30002": 7,
    "30003": 1,
}
SILENT = "30003"
AMOUNT_MINOR_MAX = 500_000
DUPLICATES, CONFLICTS, CANCELS = 0.06, 0.03, 0.10  # Shares of the payments.
LATER_S_MAX = 10.0
REFUNDS, REFUNDS_AT_ONCE_MAX = 0.08, 5
REFUND_S, REFUNDS_APART_S_MAX = (1.0, 20.0), 2.0
# The ACH rails leave time to cancel: others are claimed at once, and their cancels nearly always lose.
CANCEL_RAILS = frozenset({Rail.SAME_DAY_ACH, Rail.STANDARD_ACH})
CANCEL_S_MAX = 1.0


class Trouble(StrEnum):
    """What happens to a payment's key beside its first request."""

    DUPLICATE = "duplicate"  # The same request again.
    CONFLICT = "conflict"  # Another body under the same key.
    CANCEL = "cancel"  # A cancel, about when the gateway claims it.
    REFUND = "refund"  # A refund: one of several, that race each other and what else becomes of the payment.


@dataclass(frozen=True, slots=True, kw_only=True)
class Twist:
    """One more request about a payment, `after_s` seconds behind the first.

    Of a refund, `refund_key` ends its key, and `refund_minor` is its amount, None for all that is left.
    """

    trouble: Trouble
    after_s: float
    channel: Channel
    terms: Terms
    refund_key: str = ""
    refund_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One payment of the load, `at_s` seconds after its beginning."""

    at_s: float
    key: str
    channel: Channel
    terms: Terms
    twists: tuple[Twist, ...]


def plan(
    seed: int, *, payments: int, rate: float, payers: Mapping[str, Sequence[str]], payees: Sequence[str]
) -> Iterator[Planned]:
    """Yield the payments in the order of their time, `rate` a second; `payers` are account ids by kind (`PAYERS`)."""
    chance = random.Random(f"load {seed}")
    # By a chance of their own: a seed's other load is the same with and without them.
    refund_chance = random.Random(f"refunds {seed}")
    for number in range(payments):
        terms = _terms(chance, payers, payees)
        yield Planned(
            at_s=number / rate,
            key=f"chaos-{seed}-{number}",
            channel=_one_of(chance, CHANNELS),
            terms=terms,
            twists=(*_twists(chance, terms), *_refunds(refund_chance, terms)),
        )


def _terms(chance: random.Random, payers: Mapping[str, Sequence[str]], payees: Sequence[str]) -> Terms:
    return Terms(
        payer=chance.choice(payers[_one_of(chance, PAYERS)]),
        payee=chance.choice(payees),
        amount_minor=chance.randint(1, AMOUNT_MINOR_MAX),
        rail=_one_of(chance, RAILS).value,
    )


def _twists(chance: random.Random, terms: Terms) -> Iterator[Twist]:
    def twist(trouble: Trouble, after_s: float, terms: Terms) -> Twist:
        return Twist(trouble=trouble, after_s=after_s, channel=_one_of(chance, CHANNELS), terms=terms)

    if chance.random() < DUPLICATES:
        # Half at the same moment: that is the race.
        yield twist(Trouble.DUPLICATE, chance.choice([0.0, chance.uniform(0, LATER_S_MAX)]), terms)
    if chance.random() < CONFLICTS:
        other = Terms(payer=terms.payer, payee=terms.payee, amount_minor=terms.amount_minor + 1, rail=terms.rail)
        yield twist(Trouble.CONFLICT, chance.choice([0.0, chance.uniform(0, LATER_S_MAX)]), other)
    if chance.random() < (CANCELS if terms.rail in CANCEL_RAILS else CANCELS / 10):
        yield twist(Trouble.CANCEL, chance.uniform(0, CANCEL_S_MAX), terms)


def _refunds(chance: random.Random, terms: Terms) -> Iterator[Twist]:
    if chance.random() >= REFUNDS:
        return
    # Most come when the payment is completed, some before; all of one payment at about the same moment.
    at_s = chance.uniform(*REFUND_S)
    for _ in range(chance.randint(1, REFUNDS_AT_ONCE_MAX)):
        yield Twist(
            trouble=Trouble.REFUND,
            after_s=at_s + chance.choice([0.0, chance.uniform(0, REFUNDS_APART_S_MAX)]),
            channel=_one_of(chance, CHANNELS),
            terms=terms,
            # Fewer keys than requests: some repeat a key, with the same body or another.
            refund_key=f"back-{chance.randint(1, 3)}",
            refund_minor=chance.choice(
                [None, terms.amount_minor, terms.amount_minor + 1, (terms.amount_minor + 1) // 2]
            ),
        )


def _one_of(chance: random.Random, weights: Mapping[Choice, int]) -> Choice:
    return chance.choices(list(weights), list(weights.values()))[0]
