"""What the reconciler measures."""

from __future__ import annotations

from prometheus_client import Counter

RECORDS = Counter("directpay_reconciliation_records_total", "Records written, findings by their verdict", ["record"])
REFUSED = Counter("directpay_reconciliation_refused_files_total", "Statements that broke a rule")
UNPROVEN = Counter("directpay_reconciliation_unproven_total", "Statements whose balances do not follow")
