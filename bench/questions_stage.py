"""How long the questions of docs/questions take on a large portfolio, asked as an analyst asks them."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from bench.portfolio import Say, fill
from bench.usage import cpu_s, machine
from projections.migrate import ANALYST
from projections.questions import Question, example_values, questions

ANALYST_PASSWORD = "analyst"  # noqa: S105 - of a database that is thrown away
ROUNDS = 5
LINE_MAX = 150
_ONCE = re.compile(r"^ *InitPlan \d+$|^ *->  Result \(")
LEASES_A_PAYMENT = 0.08  # 12 rents a year and some payments without a lease.


def questions_stage(
    uri: str, payments: int, say: Say, *, filled: bool = False, plans: Path | None = None
) -> dict[str, Any]:
    """Fill the empty database of the owner's `uri` (unless it is) and ask each question five times, warm.

    `plans` is where EXPLAIN ANALYZE of each is written, as Markdown.
    """
    if not filled:
        leases = max(int(payments * LEASES_A_PAYMENT), 1)
        fill(uri, payments=payments, leases=leases, analyst_password=ANALYST_PASSWORD, say=say)
    analyst = make_conninfo(uri, user=ANALYST, password=ANALYST_PASSWORD)
    figures: dict[str, Any] = {}
    plans_of: dict[str, str] = {}
    with psycopg.connect(analyst, autocommit=True, prepare_threshold=None) as connection:
        values = example_values(connection)
        for question in questions():
            figures[question.name] = asked = _ask(connection, question, values)
            say(f"{question.name}: {asked['ms_median']} ms, {asked['rows']} rows")
            plans_of[question.name] = _plan(connection, question, values)
    if plans is not None:
        plans.write_text(_document(payments, figures, plans_of), encoding="utf-8")
    return {"payments": payments, "slowest_ms": max(it["ms_median"] for it in figures.values()), "questions": figures}


def _ask(connection: psycopg.Connection, question: Question, values: Mapping[str, Any]) -> dict[str, Any]:
    rows = connection.execute(question.statement, values).fetchall()  # Once before, for a warm cache.
    took_ms, pid = [], connection.info.backend_pid
    cpu_before_s = cpu_s(pid)
    for _ in range(ROUNDS):
        began = time.perf_counter()
        connection.execute(question.statement, values).fetchall()
        took_ms.append((time.perf_counter() - began) * 1000)
    return {
        "ms_median": round(statistics.median(took_ms), 1),
        "ms_worst": round(max(took_ms), 1),
        # Of the session's own process; a parallel query has others beside it.
        "cpu_ms": round((cpu_s(pid) - cpu_before_s) / ROUNDS * 1000),
        "rows": len(rows),
    }


def _plan(connection: psycopg.Connection, question: Question, values: Mapping[str, Any]) -> str:
    plan = connection.execute("EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF, SUMMARY ON) " + question.statement, values)
    # What is asked of today's date once a query is no news, and an expression over half a page neither.
    lines = [line for (line,) in plan.fetchall() if not _ONCE.search(line)]
    return "\n".join(line if len(line) <= LINE_MAX else f"{line[:LINE_MAX]} .." for line in lines)


def _document(payments: int, figures: Mapping[str, Mapping[str, Any]], plans_of: Mapping[str, str]) -> str:
    ran_on = machine()
    lines = [
        f"# The questions on {payments:,} payments",
        "",
        f"Written by `directpay bench --stage questions --asked {payments} --plans docs/question-plans.md`:",
        f"one tenant, a year, {int(payments * LEASES_A_PAYMENT):,} leases, {ran_on.cores} cores, load average",
        f"{ran_on.load_before} when this was written. Each question once to warm, then {ROUNDS} times, as an analyst.",
        "",
        "| question | rows | median ms | worst ms | CPU ms | read from |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    asked = questions()
    for it in asked:
        took = figures[it.name]
        lines.append(
            f"| [{it.title}](questions/{it.name}.sql) | {took['rows']} | {took['ms_median']} | {took['ms_worst']} "
            f"| {took['cpu_ms']} | {it.read_from} |"
        )
    for it in asked:
        lines += ["", f"## {it.title}", "", "```", plans_of[it.name], "```"]
    return "\n".join([*lines, ""])
