"""A realistic year of leases and payments, planned from a seed and sent through the real pipeline."""
