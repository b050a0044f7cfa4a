"""Some bookings of a file, compared with the payments: the findings, what they resolve, and the reports that repair.

They are written together, so what one booking takes is taken for those behind it before the book knows.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, time, timedelta

from payments.commands import RailReport
from payments.windows import instant_us
from reconciliation.book import Book
from reconciliation.bookings import Booking
from reconciliation.judging import Booked, Judgement, judge, report_of
from reconciliation.legs import Leg, ledger_account_id, leg_of
from reconciliation.naming import Named, named_by
from reconciliation.proof import HOLDING
from schemas.reconciliation import (
    ItemResolution,
    Movement,
    ReconciliationRecord,
    Resolution,
    StatementFinding,
    Verdict,
)

TEXT_CHARACTERS_MAX = 1000  # A bank's text to a booking may be long; a record on the log has a bound.
RULE = "rule"  # Who resolved it, where no person did.


class Comparison:
    """Compares the bookings that it is given with what the book and those before them say."""

    def __init__(
        self, book: Book, import_id: str, tenant_id: str, own_accounts: frozenset[str], *, now_us: int
    ) -> None:
        self.records: list[ReconciliationRecord] = []
        self.reports: list[RailReport] = []
        self._book = book
        self._names = book.payments_of(tenant_id)
        self._import_id = import_id
        self._tenant_id = tenant_id
        self._own_accounts = own_accounts
        self._now_us = now_us
        self._found: set[str] = set()
        self._resolved: set[str] = set()
        self._taken: defaultdict[str, dict[Leg, Verdict]] = defaultdict(dict)

    def add(self, booking: Booking) -> None:
        """Compare one more; what is found already, by this file or an earlier one, stays as it was."""
        finding_id = booking.finding_id(self._tenant_id)
        before = self._book.find(finding_id)
        if booking.is_total and before is not None and before[0].verdict is Verdict.UNMATCHED_AT_BANK:
            self._list(finding_id, before[1])
        if finding_id in self._found or before is not None:
            return
        self._found.add(finding_id)
        if booking.is_total:
            self.records.append(self._total(finding_id, booking))
            return
        named = named_by(booking, self._names)
        leg = leg_of(booking, is_own=booking.account in self._own_accounts)
        judgement = judge(booking, named, leg, self._booked(named, leg))
        self.records.append(self._finding(finding_id, booking, named, leg, judgement))
        if named.known is None or judgement.verdict not in HOLDING:
            return
        self._taken[named.known.payment_id][leg] = judgement.verdict
        self._resolve_missing(named.known.payment_id, leg)
        if judgement.report is not None:
            at_us = min(self._now_us, day_end_us(booking.day))
            self.reports.append(report_of(judgement, booking, named, occurred_at_us=at_us))

    def _booked(self, named: Named, leg: Leg) -> Booked:
        if named.known is None:
            return Booked(this_leg=False, is_arrival_reported=False, is_reported=False)
        before = self._book.booked(named.known.payment_id, leg, self._tenant_id)
        taken = self._taken.get(named.known.payment_id, {})
        reported = {each.movement for each, verdict in taken.items() if verdict is Verdict.REPAIRED}
        return Booked(
            this_leg=before.this_leg or leg in taken,
            is_arrival_reported=before.is_arrival_reported or Movement.SETTLED in reported,
            is_reported=before.is_reported or leg.movement in reported,
        )

    def _finding(
        self, finding_id: str, booking: Booking, named: Named, leg: Leg, judgement: Judgement
    ) -> StatementFinding:
        known, verdict = named.known, judgement.verdict
        is_matched = verdict is Verdict.MATCHED
        is_unnamed = known is None and leg.movement is Movement.SETTLED
        return StatementFinding(
            finding_id=finding_id,
            import_id=self._import_id,
            tenant_id=self._tenant_id,
            verdict=verdict,
            detail=judgement.detail,
            account=booking.account,
            currency=booking.currency,
            day=booking.day.isoformat(),
            line=booking.line,
            amount_minor=booking.amount_minor,
            expected_minor=judgement.expected_minor,
            end_to_end_id=booking.end_to_end_id,
            reference=booking.reference,
            trace_number=booking.trace_number,
            return_reason=booking.return_reason,
            text=booking.text[:TEXT_CHARACTERS_MAX],
            payment_id=None if known is None else known.payment_id,
            side=None if known is None else leg.side,
            movement=None if known is None else leg.movement,
            is_own=leg.is_own,
            ledger_account_id=ledger_account_id(known, leg) if known is not None and verdict in HOLDING else None,
            matched_by=named.by,
            suggested_payment_id=self._book.like_it(booking, leg.side, self._tenant_id) if is_unnamed else None,
            history=() if known is None or is_matched else known.history,
            found_at_us=self._now_us,
        )

    def _total(self, finding_id: str, booking: Booking) -> StatementFinding:
        return StatementFinding(
            finding_id=finding_id,
            import_id=self._import_id,
            tenant_id=self._tenant_id,
            verdict=Verdict.LISTED,
            detail="its payments are found one by one",
            account=booking.account,
            currency=booking.currency,
            day=booking.day.isoformat(),
            line=booking.line,
            amount_minor=booking.amount_minor,
            reference=booking.reference,
            text=booking.text[:TEXT_CHARACTERS_MAX],
            found_at_us=self._now_us,
        )

    def _list(self, finding_id: str, before: ItemResolution | None) -> None:
        """What was a total alone has its payments now, whatever a person has said of it before."""
        if before is None or before.resolution is not Resolution.LISTED:
            self._resolve(finding_id, Resolution.LISTED, "another statement lists its payments")

    def _resolve_missing(self, payment_id: str, leg: Leg) -> None:
        """What was missing is booked now: a later statement has it."""
        missing = self._book.missing(payment_id, leg.movement, self._tenant_id)
        if missing is not None:
            self._resolve(missing, Resolution.BOOKED_LATER, "a later statement has it")

    def _resolve(self, finding_id: str, resolution: Resolution, note: str) -> None:
        """Resolve by rule, once."""
        if finding_id in self._resolved:
            return
        self._resolved.add(finding_id)
        self.records.append(
            ItemResolution(
                finding_id=finding_id,
                tenant_id=self._tenant_id,
                resolution=resolution,
                note=note,
                resolved_by=RULE,
                resolved_at_us=self._now_us,
            )
        )


def day_end_us(day: date) -> int:
    """Return the last instant of a day as banks count it: a statement does not say when on the day something was."""
    return instant_us(day + timedelta(days=1), time(0)) - 1
