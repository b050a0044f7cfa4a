"""`directpay verify`: the log, the views and the ledger compared with each other, on a live system.

The checks (`faults`, `rows`, `expected`, `checks`, `side_by_side`) are pure. `logged` folds the log into `newest`,
which is on disk, `stored` reads Postgres, and `verifier` brings them together.
"""
