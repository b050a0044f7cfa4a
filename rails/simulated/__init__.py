"""A bank in a box: durable double-entry books, each rail's delays, and account numbers that make it misbehave."""
