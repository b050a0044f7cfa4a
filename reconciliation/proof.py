"""The daily proof: a statement's balances follow from our ledger and from what was found, to the cent.

    closing = opening + ledger + unmatched at the bank + duplicates + mismatches + ahead - behind

The ledger's side is summed over payments, the bank's over findings; neither knows the other. A booking that was taken
for a payment's twice, or for another's, or for none's, leaves a difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from msgspec import Struct

from reconciliation.known_payment import KnownPayment
from reconciliation.legs import Leg, ledger_account_id, ledger_legs
from schemas.reconciliation import StatementFinding, Verdict

# These hold a leg of a payment: there is one of them for each.
HOLDING = frozenset({Verdict.MATCHED, Verdict.REPAIRED, Verdict.MISMATCHED})

BookedLeg = tuple[str, Leg]  # Of the payment with this id.


class Explained(Struct, frozen=True, kw_only=True):
    """What leads from opening to closing balance, in minor units, a credit positive; see `StatementProof`."""

    ledger_minor: int
    unmatched_at_bank_minor: int
    duplicates_minor: int
    mismatched_minor: int
    ahead_minor: int
    behind_minor: int


def explain(
    findings: Iterable[StatementFinding],
    payments: Collection[KnownPayment],
    *,
    first_day: date,
    last_day: date,
    is_own: bool,
    of_accounts: Collection[str] | None,
) -> Explained:
    """Return what explains an account's days.

    `findings` are all of its bookings in these days; `payments` all whose money moved on it in these days by our
    ledger. `of_accounts` are our bank accounts that it is; None: it is ours, and all of a payment's legs are on it.
    """
    first, last = first_day.isoformat(), last_day.isoformat()
    in_days: dict[BookedLeg, int] = {}
    for known in payments:
        for leg, day, amount_minor in ledger_legs(known, is_own=is_own):
            is_on_it = of_accounts is None or ledger_account_id(known, leg) in of_accounts
            if first <= day <= last and is_on_it:
                in_days[known.payment_id, leg] = amount_minor
    sums = dict.fromkeys(Verdict, 0)
    excess_minor = ahead_minor = 0
    booked: set[BookedLeg] = set()
    for finding in findings:
        assert finding.amount_minor is not None, "a booking has an amount"
        sums[finding.verdict] += finding.amount_minor
        if finding.verdict not in HOLDING:
            continue
        assert finding.payment_id is not None
        assert finding.side is not None
        assert finding.movement is not None
        assert finding.expected_minor is not None
        leg = Leg(finding.side, finding.movement, finding.is_own)
        excess_minor += finding.amount_minor - finding.expected_minor
        booked.add((finding.payment_id, leg))
        if (finding.payment_id, leg) not in in_days:
            ahead_minor += finding.expected_minor
    return Explained(
        ledger_minor=sum(in_days.values()),
        unmatched_at_bank_minor=sums[Verdict.UNMATCHED_AT_BANK],
        duplicates_minor=sums[Verdict.DUPLICATE],
        mismatched_minor=excess_minor,
        ahead_minor=ahead_minor,
        behind_minor=sum(amount_minor for leg, amount_minor in in_days.items() if leg not in booked),
    )
