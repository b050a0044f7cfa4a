"""What the reconciler answers: imports, items and proofs as JSON. Amounts are decimal text, a debit with a minus."""

from __future__ import annotations

from typing import Any

from payments.currencies import CURRENCY_DECIMALS
from payments.timestamps import rfc3339
from reconciliation.book import Item
from schemas.reconciliation import SETTLED, StatementFinding, StatementImport, StatementProof


def import_now(done: StatementImport, proofs: list[StatementProof]) -> dict[str, Any]:
    """Return what was found in a file; `proofs` are the first of those that do not hold, then of the others."""
    return {
        "id": done.import_id,
        "name": done.name,
        "file_sha256": done.file_sha256.hex(),
        "imported_at": rfc3339(done.imported_at_us),
        "is_whole": done.is_whole,
        "bookings": done.bookings,
        "known": done.known,
        "matched": done.matched,
        "repaired": done.repaired,
        "mismatched": done.mismatched,
        "duplicates": done.duplicates,
        "unmatched_at_bank": done.unmatched_at_bank,
        "unmatched_here": done.unmatched_here,
        "statements": done.statements,
        "unproven": done.unproven,
        "proofs": [proof_now(each) for each in proofs],
    }


def proof_now(proof: StatementProof) -> dict[str, Any]:
    return {
        "account": proof.account,
        "statement_id": proof.statement_id,
        "currency": proof.currency,
        "first_day": proof.first_day,
        "last_day": proof.last_day,
        "opening_balance": _text(proof.opening_minor, proof.currency),
        "closing_balance": _text(proof.closing_minor, proof.currency),
        "ledger": _text(proof.ledger_minor, proof.currency),
        "unmatched_at_bank": _text(proof.unmatched_at_bank_minor, proof.currency),
        "duplicates": _text(proof.duplicates_minor, proof.currency),
        "mismatched": _text(proof.mismatched_minor, proof.currency),
        "ahead": _text(proof.ahead_minor, proof.currency),
        "behind": _text(proof.behind_minor, proof.currency),
        "difference": _text(proof.difference_minor, proof.currency),
        "holds": proof.holds,
    }


def item_now(item: Item) -> dict[str, Any]:
    """Return a finding with its evidence: what the statement says, and how the payment stood then."""
    finding, resolution = item.finding, item.resolution
    return {
        "id": finding.finding_id,
        "state": finding.verdict.value,
        "is_open": resolution is None and finding.verdict not in SETTLED,
        "detail": finding.detail,
        "day": finding.day,
        "currency": finding.currency,
        "amount": _text(finding.amount_minor, finding.currency),
        "expected_amount": _text(finding.expected_minor, finding.currency),
        "found_at": rfc3339(finding.found_at_us),
        "import_id": finding.import_id,
        "statement": _statement(finding),
        "payment": _payment(finding),
        "suggested_payment_id": finding.suggested_payment_id,
        "resolution": None
        if resolution is None
        else {
            "resolution": resolution.resolution.value,
            "note": resolution.note,
            "resolved_by": resolution.resolved_by,
            "resolved_at": rfc3339(resolution.resolved_at_us),
        },
    }


def _statement(finding: StatementFinding) -> dict[str, Any] | None:
    if finding.account is None:
        return None
    return {
        "account": finding.account,
        "line": finding.line,
        "end_to_end_id": finding.end_to_end_id,
        "reference": finding.reference,
        "trace_number": finding.trace_number,
        "return_reason": finding.return_reason,
        "text": finding.text,
    }


def _payment(finding: StatementFinding) -> dict[str, Any] | None:
    if finding.payment_id is None:
        return None
    return {
        "id": finding.payment_id,
        "side": finding.side,
        "movement": finding.movement,
        "matched_by": finding.matched_by,
        "history": [
            {"event_type": each.event_type, "timestamp": rfc3339(each.occurred_at_us)} for each in finding.history
        ],
    }


def _text(amount_minor: int | None, currency: str) -> str | None:
    """Return an amount in the currency's own decimals: a statement may be of an account in yen."""
    if amount_minor is None:
        return None
    decimals = CURRENCY_DECIMALS[currency]
    whole, fraction = divmod(abs(amount_minor), 10**decimals)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole}.{fraction:0{decimals}d}" if decimals else f"{sign}{whole}"
