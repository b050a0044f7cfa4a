"""What the originator counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

TAKEN = Counter("directpay_ach_payments_total", "Payments taken for ACH.")
REFUSED = Counter("directpay_ach_refused_total", "Instructions that no file could carry.")
RECORDS = Counter("directpay_ach_records_total", "Records that this originator has written.", ["record"])
FILES = Counter("directpay_ach_files_total", "Files handed in.", ["rail"])
ENTRIES = Counter("directpay_ach_entries_total", "Entries of files handed in.", ["rail"])
LATE_FILES = Counter("directpay_ach_late_files_total", "Files handed in after their deadline: they settle later.")
NOT_DELIVERED = Counter("directpay_ach_not_delivered_total", "Attempts to build or hand in a file that failed.")
NO_FILE_ID = Counter("directpay_ach_no_file_id_total", "Looks at which a file was due and its day had no file id left.")
INCOMING = Counter("directpay_ach_incoming_total", "Returns and notices that were read.")
INCOMING_REFUSED = Counter("directpay_ach_incoming_refused_total", "Incoming files that were put aside as broken.")
PROBLEMS = Gauge("directpay_ach_problems", "Returns and notices that a person has to look at.", ["problem"])
RETURN_RATE = Gauge("directpay_ach_return_rate", "Debits that came back in 60 days, of all in 60 days.", ["kind"])
RETURN_RATE_EXCEEDED = Gauge("directpay_ach_return_rate_exceeded", "1: more than Nacha's level allows.", ["kind"])
UNDELIVERED = Gauge("directpay_ach_undelivered_files", "Files that are cut off and not handed in.")
