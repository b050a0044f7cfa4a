"""A bank in a box: durable double-entry books, each rail's delays, and account numbers that make it misbehave."""

from rails.simulated.server import BankConfig, run

__all__ = ["BankConfig", "run"]
