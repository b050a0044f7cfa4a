"""The oracle: what clients were told, what the log, the views, the ledger and the bank say, and where they disagree."""
