"""What the bank says, as reports for the log: which report an outcome is, and in which order they may be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from payments.commands import CODE_CHARACTERS_MAX, REASON_CHARACTERS_MAX, RailReport, Report, ReportSource
from payments.payment import Payment
from payments.refusals import InvalidCommand
from rails.bank import Answer, InvalidReference, Outcome, Reference, Result

UNSPECIFIED = "unspecified"


class StrangeOutcome(Exception):
    """An outcome about no payment of ours."""


def outcome_report(outcome: Outcome) -> RailReport:
    """Return the report of an outcome, at the bank's own time, or raise StrangeOutcome. Its id is derived, so that an
    outcome told twice is heard once."""
    tenant_id, colon, key = outcome.payment_key.partition(":")
    try:
        reference = Reference.parse(outcome.reference)
    except InvalidReference as error:
        raise StrangeOutcome(f"reference {error}") from None
    failed = outcome.result is not Result.SETTLED
    try:
        report = RailReport(
            tenant_id=tenant_id,
            idempotency_key=key,
            attempt=reference.attempt,
            report=Report(outcome.result.value),
            occurred_at_us=outcome.occurred_at_us,
            amount_minor=outcome.amount_minor,
            code=_clip(outcome.code or UNSPECIFIED, CODE_CHARACTERS_MAX) if failed else None,
            reason=_clip(outcome.reason, REASON_CHARACTERS_MAX) if failed else None,
            bank_reference=_clip(outcome.bank_reference, REASON_CHARACTERS_MAX),
        )
    except InvalidCommand as error:
        raise StrangeOutcome(str(error)) from None
    if not colon or report.payment_id != reference.payment_id:
        raise StrangeOutcome(f"reference {outcome.reference} does not belong to the payment it names")
    return report


def refused_report(payment: Payment, answer: Answer, *, now_us: int) -> RailReport:
    """Return the report of an instruction that the bank does not take."""
    return RailReport(
        tenant_id=payment.head.tenant_id,
        idempotency_key=payment.head.idempotency_key,
        attempt=payment.attempt,
        report=Report.REJECTED,
        occurred_at_us=now_us,
        code=_clip(answer.code or UNSPECIFIED, CODE_CHARACTERS_MAX),
        reason=_clip(answer.reason, REASON_CHARACTERS_MAX),
        source=ReportSource.RAIL,
    )


def in_rounds(reports: Iterable[RailReport]) -> list[Sequence[RailReport]]:
    """Return reports in rounds of at most one a payment, in order.

    A return that overtook its settlement would fail the payment instead: the next round is sent when Kafka has
    acknowledged the one before.
    """
    rounds: list[list[RailReport]] = []
    counts: dict[str, int] = {}
    for report in reports:
        number = counts.get(report.key, 0)
        counts[report.key] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(report)
    return list(rounds)


def _clip(text: str | None, characters_max: int) -> str | None:
    return None if text is None else text[:characters_max]
