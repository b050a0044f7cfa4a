"""The figures of a run: one JSON object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from chaos.oracle.violation import Kind, Violation
from chaos.storm import Hit

# How the contract's figures are called, by the kinds of violation that they count.
NAMED = {
    "lost": (Kind.LOST,),
    "doubled_events": (Kind.DOUBLED_EVENT,),
    "out_of_order": (Kind.OUT_OF_ORDER, Kind.FORKED),
    "double_transfers": (Kind.DOUBLE_TRANSFER,),
    "paid_and_cancelled": (Kind.PAID_AND_CANCELLED,),
    "over_refunded": (Kind.OVER_REFUNDED,),
    "reserved_left": (Kind.RESERVED_LEFT,),
    "not_terminal": (Kind.NOT_TERMINAL,),
    "doubled_rejections": (Kind.DOUBLED_REJECTION,),
}
_MONEY = (Kind.IMBALANCE, Kind.BANK_IMBALANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was counted while the run went on; times in seconds."""

    seed: int
    payments: int
    accepted: int
    refused: int
    unknown: int
    refunds: int
    events: int
    rejections: int
    poison: int
    repeated_reports: int
    answers: dict[str, int]
    faults: dict[str, int]
    faults_missed: int
    late_s_max: float
    load_s: float
    duration_s: float


def figures(tally: Tally, hits: Sequence[Hit], violations: Sequence[Violation]) -> dict[str, Any]:
    """Return the figures under the names that they are published by."""
    counts = Counter(violation.kind for violation in violations)
    alone = [hit.recovered_s for hit in hits if hit.recovered_s is not None and hit.is_alone]
    together = [hit.recovered_s for hit in hits if hit.recovered_s is not None and not hit.is_alone]
    return {
        "seed": tally.seed,
        "payments": tally.payments,
        "accepted": tally.accepted,
        "refused": tally.refused,
        "unknown": tally.unknown,
        "refunds": tally.refunds,
        "events": tally.events,
        **{name: sum(counts[kind] for kind in kinds) for name, kinds in NAMED.items()},
        "imbalance_cents": sum(violation.cents for violation in violations if violation.kind in _MONEY),
        "violations": {kind.value: count for kind, count in sorted(counts.items())},
        "rejections": tally.rejections,
        "poison": tally.poison,
        "repeated_reports": tally.repeated_reports,
        "http_answers": tally.answers,
        "faults": sum(tally.faults.values()),
        "faults_by_kind": tally.faults,
        "faults_missed": tally.faults_missed,
        "faults_alone": len(alone),
        "recovery_s_max": round(max(alone), 1) if alone else None,
        "recovery_s_median": round(median(alone), 1) if alone else None,
        # Faults during whose recovery others were going on: their time is that of all of them.
        "recovery_overlapping_s_max": round(max(together), 1) if together else None,
        "load_late_s_max": round(tally.late_s_max, 1),
        "payments_per_s": round(tally.payments / tally.load_s, 1) if tally.load_s else None,
        "duration_s": round(tally.duration_s, 1),
    }
