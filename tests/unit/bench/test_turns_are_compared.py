"""Ratios are of one run's turns: the median tells what is usual, the worst what could be held against us."""

from __future__ import annotations

from bench.stream_stage import Turn, beside, stock_payments


def turn(payments_per_s: int, *, cpu_us: int = 100, broker_cpu_us: int = 50) -> Turn:
    return Turn(
        contestant="any",
        payments=1,
        seconds=1.0,
        payments_per_s=payments_per_s,
        initiate_per_s=1,
        reports_per_s=1,
        cpu_us=cpu_us,
        broker_cpu_us=broker_cpu_us,
        resident_mib=1,
    )


def test_the_worst_ratio_sets_our_slowest_turn_against_their_fastest() -> None:
    figures = beside([turn(4000), turn(5000)], [turn(400), turn(500)])
    assert (figures["payments_per_s"], figures["ratio_median"], figures["ratio_worst"]) == (450, 10.0, 8.0)


def test_cpu_time_of_worker_and_broker_is_compared_together() -> None:
    figures = beside([turn(1)], [turn(1, cpu_us=900, broker_cpu_us=300)])
    assert figures["cpu_ratio"] == 8.0


def test_stock_faust_gets_a_tenth_of_the_payments_and_at_least_one() -> None:
    assert (stock_payments(50_000), stock_payments(5)) == (5_000, 1)
