"""Decides: commands and rail reports in, the events of payments and of the directory out."""

# The workers' consumer group: what it has committed is decided.
GROUP = "directpay-stream"
