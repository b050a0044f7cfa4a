"""What the reconciler answers: imports, items and proofs as JSON. Amounts are dollars as text, a debit with a minus."""

from __future__ import annotations

from typing import Any

from payments.money import format_amount
from reconciliation.book import Item
from schemas.codec import rfc3339
from schemas.reconciliation import StatementFinding, StatementImport, StatementProof


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
        "opening_balance": _dollars(proof.opening_minor),
        "closing_balance": _dollars(proof.closing_minor),
        "ledger": _dollars(proof.ledger_minor),
        "unmatched_at_bank": _dollars(proof.unmatched_at_bank_minor),
        "duplicates": _dollars(proof.duplicates_minor),
        "mismatched": _dollars(proof.mismatched_minor),
        "ahead": _dollars(proof.ahead_minor),
        "behind": _dollars(proof.behind_minor),
        "difference": _dollars(proof.difference_minor),
        "holds": proof.holds,
    }


def item_now(item: Item) -> dict[str, Any]:
    """Return a finding with its evidence: what the statement says, and how the payment stood then."""
    finding, resolution = item.finding, item.resolution
    return {
        "id": finding.finding_id,
        "state": finding.verdict.value,
        "is_open": resolution is None and finding.verdict.value not in ("matched", "repaired"),
        "detail": finding.detail,
        "day": finding.day,
        "currency": finding.currency,
        "amount": _dollars(finding.amount_minor),
        "expected_amount": _dollars(finding.expected_minor),
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


def _dollars(amount_minor: int | None) -> str | None:
    if amount_minor is None:
        return None
    return f"-{format_amount(-amount_minor)}" if amount_minor < 0 else format_amount(amount_minor)
