"""Ratios are of one run's turns: the median tells what is usual, the worst what could be held against us."""

from __future__ import annotations

from dataclasses import replace

from bench.contestants import AT_LEAST_ONCE, KAFKA_STREAMS, OURS
from bench.stream_stage import Turn, beside, installed
from cli.local_stack.trouble import DownloadFailed


def turn(payments_per_s: int, *, per_cpu_s: int = 100, per_cpu_s_with_kafka: int = 50) -> Turn:
    return Turn(
        contestant="any",
        payments=1,
        seconds=1.0,
        payments_per_s=payments_per_s,
        initiate_per_s=1,
        reports_per_s=1,
        cpu_us=1,
        broker_cpu_us=1,
        payments_per_cpu_s=per_cpu_s,
        payments_per_cpu_s_with_kafka=per_cpu_s_with_kafka,
        resident_mib=1,
    )


def test_the_worst_ratio_sets_our_slowest_turn_against_their_fastest() -> None:
    figures = beside([turn(4000), turn(5000)], [turn(400), turn(500)])
    assert (figures["payments_per_s"], figures["ratio_median"], figures["ratio_worst"]) == (450, 10.0, 8.0)


def test_cpu_time_is_compared_with_and_without_the_broker() -> None:
    ours = [turn(1, per_cpu_s=600, per_cpu_s_with_kafka=300), turn(1, per_cpu_s=400, per_cpu_s_with_kafka=300)]
    theirs = [turn(1, per_cpu_s=1000, per_cpu_s_with_kafka=400)]
    figures = beside(ours, theirs)
    assert (figures["cpu_ratio_median"], figures["cpu_ratio_worst"]) == (0.75, 0.75)
    assert (figures["worker_cpu_ratio_median"], figures["worker_cpu_ratio_worst"]) == (0.5, 0.4)


def test_stock_faust_gets_a_tenth_of_the_payments_and_at_least_one() -> None:
    assert (AT_LEAST_ONCE.payments(50_000), AT_LEAST_ONCE.payments(5)) == (5_000, 1)
    assert KAFKA_STREAMS.payments(50_000) == OURS.payments(50_000) == 50_000


def test_a_peer_that_cannot_be_installed_is_missing_with_the_reason() -> None:
    def unreachable(_say: object) -> None:
        raise DownloadFailed("Kafka Streams", "no route to host")

    said: list[str] = []
    there, missing = installed([OURS, replace(KAFKA_STREAMS, install=unreachable)], said.append)
    assert there == [OURS]
    assert list(missing) == [KAFKA_STREAMS.name]
    assert "no route to host" in missing[KAFKA_STREAMS.name]
    assert len(said) == 1
