"""Logs, health and metrics of a process; knows nothing of payments."""
