"""Measurements, each a program: `python -m bench.stream_stage`."""
