"""Plots of the bench's figures: `python -m bench.plots FIGURES.json ... FOLDER` writes an SVG for each that they allow.

FIGURES.json is the last line that `directpay bench` printed. The same figures give the same bytes.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from bench.drawing import BAR, STYLE, WIDTH, bars, colour, legend, panels, slices, stacks

Figures = Mapping[str, Any]

POINTS_MAX = 45  # Of a line: a panel is not wide enough to tell many more apart, and they make the file large.


def beside_peers(stream: Figures) -> Figure:
    """Draw payments/s and the CPU time of a payment of ours and of the stream stage's peers, medians of their turns."""
    turns = _by(stream["turns"], "contestant")
    figure, (rate, cost) = panels(2, rows=len(turns))
    bars(rate, {name: _median(of, "payments_per_s") for name, of in turns.items()})
    rate.set_title("payments/s of one worker")
    kinds = {"stream": "cpu_us", "kafka": "broker_cpu_us"}
    stacks(cost, {name: {kind: _median(of, key) for kind, key in kinds.items()} for name, of in turns.items()})
    cost.set_title("CPU us a payment")
    cost.set_yticklabels([])
    legend(figure, [cost])
    return figure


def whole_systems(end_to_end: Figures) -> Figure:
    """Draw payments/s of each system at saturation, and the CPU time of a payment by kind of process."""
    turns = _by(end_to_end["turns"], "system")
    figure = Figure(figsize=(WIDTH, 2.2 + 2 * BAR * len(turns)), layout="constrained")
    grid = figure.subplots(2, 2)
    for column, mode in enumerate(("batch", "single")):
        rate, cost = grid[0][column], grid[1][column]
        phases = {name: [each["phases"][mode] for each in of] for name, of in turns.items()}
        bars(rate, {name: _median(of, "payments_per_s") for name, of in phases.items()})
        rate.set_title(f"{mode}: payments/s")
        stacks(cost, {name: _by_kind(of) for name, of in phases.items()})
        cost.set_title(f"{mode}: CPU us a payment")
        if column:
            rate.set_yticklabels([])
            cost.set_yticklabels([])
    legend(figure, grid[1])
    return figure


def latency(end_to_end: Figures) -> Figure:
    """Draw the percentiles of the answers at a rate, waiting for the outcome and not; milliseconds, logarithmic."""
    turns = _by(end_to_end["turns"], "system")
    modes = {"single_at_rate": "waits for the outcome", "single_at_rate_async": "Prefer: respond-async"}
    figure, beside = panels(2, rows=3 * len(turns))
    for panel, (mode, title) in zip(beside, modes.items(), strict=True):
        phases = {name: [each["phases"][mode] for each in of] for name, of in turns.items()}
        told = {
            f"{name}, {quantile}": statistics.median(phase["latency_ms"][quantile] for phase in of)
            for name, of in phases.items()
            for quantile in ("p50", "p95", "p99")
        }
        panel.set_xscale("log")
        bars(panel, told)
        panel.set_xlim(left=1)
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.xaxis.set_minor_formatter(NullFormatter())
        rates = " and ".join(dict.fromkeys(f"{of[0]['offered_per_s']:g}/s" for of in phases.values()))
        panel.set_title(f"{title}: ms at {rates}")
    beside[1].set_yticklabels([])
    return figure


def cpu_of_a_payment(end_to_end: Figures) -> Figure:
    """Draw what a payment costs of each kind of process, in each phase of ours."""
    ours = next(iter(_by(end_to_end["turns"], "system").values()))
    phases = {name: [each["phases"][name] for each in ours] for name in ours[0]["phases"]}
    figure, (panel,) = panels(1, rows=len(phases))
    stacks(panel, {name.replace("_", " "): _by_kind(of) for name, of in phases.items()})
    panel.set_title("CPU us a payment")
    legend(figure, [panel])
    return figure


def sustained(stage: Figures) -> Figure:
    """Draw how many payments became terminal a second, slice by slice."""
    figure, (panel,) = panels(1, rows=6)
    slices(panel, stage["finished_per_s"], slice_s=stage["slice_s"], ended_s=stage["seconds"])
    panel.set_title("payments/s, in slices of 10 s")
    return figure


def backlog(stage: Figures) -> Figure:
    """Draw how fast the backlog went, and the memory of each kind of process meanwhile."""
    figure, (rate, memory) = panels(2, rows=8)
    slices(rate, stage["finished_per_s"], slice_s=stage["slice_s"], ended_s=stage["seconds"])
    rate.set_title("payments/s, in slices of 10 s")
    seconds = stage["resident_mib"]["s"]
    step = -(-len(seconds) // POINTS_MAX)
    for kind, mib in stage["resident_mib"]["mib"].items():
        memory.plot(seconds[::step], mib[::step], color=colour(kind), label=kind, linewidth=1.2)
    memory.set_title("resident MiB")
    memory.set_xlabel("s")
    memory.set_ylim(bottom=0)
    legend(figure, [memory])
    return figure


def growth(stage: Figures) -> Figure:
    """Draw what a payment costs with few and with many payments in the system."""
    sizes = {f"{int(count):,} there": by_kind for count, by_kind in stage["cpu_us_by_kind"].items()}
    figure, (panel,) = panels(1, rows=len(sizes))
    stacks(panel, sizes)
    panel.set_title("CPU us a payment")
    legend(figure, [panel])
    return figure


def memory_of_a_worker(stage: Figures) -> Figure:
    """Draw the memory of a stream worker with few and with many payments in its state."""
    prefix = "resident_mib_"
    told = {
        f"{when}, {int(key.removeprefix(prefix)):,}": mib
        for when in stage["resident_growth_percent"]
        for key, of in stage.items()
        if key.startswith(prefix)
        for mib in (of[when],)
    }
    figure, (panel,) = panels(1, rows=len(told))
    bars(panel, told)
    panel.set_title("resident MiB of one stream worker, by payments in its state")
    return figure


# By the stage's name in the figures: the plots of it by their names.
PLOTS: Mapping[str, Mapping[str, Callable[[Figures], Figure]]] = {
    "stream": {"stream": beside_peers},
    "end_to_end": {"whole-systems": whole_systems, "latency": latency, "cpu-of-a-payment": cpu_of_a_payment},
    "sustained": {"sustained": sustained},
    "backlog": {"backlog": backlog},
    "growth": {"growth": growth},
    "memory": {"memory": memory_of_a_worker},
}


def plot(figures: Figures, folder: Path) -> list[Path]:
    """Write every plot that the figures allow, and return where; those of stages that were not measured stay."""
    written = []
    for stage, plots in PLOTS.items():
        for name, draw in plots.items():
            if stage in figures:
                path = folder / f"{name}.svg"
                # On top of the defaults: what a reader has set for plots of their own would make other bytes.
                with style.context(["default", STYLE]):
                    draw(figures[stage]).savefig(
                        path, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
                    )
                written.append(path)
    return written


def _by(turns: Sequence[Figures], name: str) -> dict[str, list[Figures]]:
    """Return the turns by who took them."""
    return {who: [each for each in turns if each[name] == who] for who in dict.fromkeys(each[name] for each in turns)}


def _by_kind(phases: Sequence[Figures]) -> dict[str, float]:
    kinds = dict.fromkeys(kind for each in phases for kind in each["cpu_us_by_kind"])
    return {kind: statistics.median(each["cpu_us_by_kind"].get(kind, 0.0) for each in phases) for kind in kinds}


def _median(turns: Sequence[Figures], key: str) -> float:
    return float(statistics.median(each[key] for each in turns))


def main(paths: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        for written in plot(json.loads(path.read_text()), folder):
            print(written)


if __name__ == "__main__":
    *given, target = map(Path, sys.argv[1:])
    main(given, target)
