"""Plots of the bench's figures: `python -m bench.plots FIGURES.json ... FOLDER` writes an SVG for each that they allow.

FIGURES.json is the last line that `directpay bench` printed. The same figures give the same bytes. Text is text and of
a grey that is read on white and on black; nothing is behind it.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

Figures = Mapping[str, Any]

GREY = "#767676"
# By names that matplotlib types one by one.
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    # Else the names of clips and markers are drawn by lot.
    "svg.hashsalt": "directpay",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), GREY),
}
# Of equal lightness, so that none is lost on either ground. Kinds keep their colour from plot to plot.
COLOURS = {
    "kafka": "#d1704f",
    "rails": "#3f8fbf",
    "stream": "#b8860b",
    "projector": "#5f9e5f",
    "bank": "#a878b8",
    "postgres": "#c06090",
    "api": "#4fa3a3",
}
OTHERS = ("#8c7f6a", "#7f8fa6", "#a0a040", "#b07070")
WIDTH = 7.6
BAR = 0.32  # Inches of height for each bar.


def beside_peers(stream: Figures) -> Figure:
    """Draw payments/s and the CPU time of a payment of ours and of the stream stage's peers, medians of their turns."""
    turns = _by(stream["turns"], "contestant")
    figure, (rate, cost) = _panels(2, rows=len(turns))
    _bars(rate, {name: _median(of, "payments_per_s") for name, of in turns.items()})
    rate.set_title("payments/s of one worker")
    kinds = {"stream": "cpu_us", "kafka": "broker_cpu_us"}
    _stacks(cost, {name: {kind: _median(of, key) for kind, key in kinds.items()} for name, of in turns.items()})
    cost.set_title("CPU us a payment")
    cost.set_yticklabels([])
    _legend(figure, [cost])
    return figure


def whole_systems(end_to_end: Figures) -> Figure:
    """Draw payments/s of each system at saturation, and the CPU time of a payment by kind of process."""
    turns = _by(end_to_end["turns"], "system")
    figure = Figure(figsize=(WIDTH, 2.2 + 2 * BAR * len(turns)), layout="constrained")
    panels = figure.subplots(2, 2)
    for column, mode in enumerate(("batch", "single")):
        rate, cost = panels[0][column], panels[1][column]
        phases = {name: [each["phases"][mode] for each in of] for name, of in turns.items()}
        _bars(rate, {name: _median(of, "payments_per_s") for name, of in phases.items()})
        rate.set_title(f"{mode}: payments/s")
        _stacks(cost, {name: _by_kind(of) for name, of in phases.items()})
        cost.set_title(f"{mode}: CPU us a payment")
        if column:
            rate.set_yticklabels([])
            cost.set_yticklabels([])
    _legend(figure, panels[1])
    return figure


def latency(end_to_end: Figures) -> Figure:
    """Draw the percentiles of the answers at a rate, waiting for the outcome and not; milliseconds, logarithmic."""
    turns = _by(end_to_end["turns"], "system")
    modes = {"single_at_rate": "waits for the outcome", "single_at_rate_async": "Prefer: respond-async"}
    figure, panels = _panels(2, rows=3 * len(turns))
    for panel, (mode, title) in zip(panels, modes.items(), strict=True):
        phases = {name: [each["phases"][mode] for each in of] for name, of in turns.items()}
        told = {
            f"{name}, {quantile}": statistics.median(phase["latency_ms"][quantile] for phase in of)
            for name, of in phases.items()
            for quantile in ("p50", "p95", "p99")
        }
        panel.set_xscale("log")
        _bars(panel, told)
        panel.set_xlim(left=1)
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.xaxis.set_minor_formatter(NullFormatter())
        rates = " and ".join(dict.fromkeys(f"{of[0]['offered_per_s']:g}/s" for of in phases.values()))
        panel.set_title(f"{title}: ms at {rates}")
    panels[1].set_yticklabels([])
    return figure


def cpu_of_a_payment(end_to_end: Figures) -> Figure:
    """Draw what a payment costs of each kind of process, in each phase of ours."""
    ours = next(iter(_by(end_to_end["turns"], "system").values()))
    phases = {name: [each["phases"][name] for each in ours] for name in ours[0]["phases"]}
    figure, (panel,) = _panels(1, rows=len(phases))
    _stacks(panel, {name.replace("_", " "): _by_kind(of) for name, of in phases.items()})
    panel.set_title("CPU us a payment")
    _legend(figure, [panel])
    return figure


def sustained(stage: Figures) -> Figure:
    """Draw how many payments became terminal a second, slice by slice."""
    figure, (panel,) = _panels(1, rows=6)
    _slices(panel, stage)
    panel.set_title("payments/s, in slices of 10 s")
    return figure


def backlog(stage: Figures) -> Figure:
    """Draw how fast the backlog went, and the memory of each kind of process meanwhile."""
    figure, (rate, memory) = _panels(2, rows=8)
    _slices(rate, stage)
    rate.set_title("payments/s, in slices of 10 s")
    for kind, mib in stage["resident_mib"]["mib"].items():
        memory.plot(stage["resident_mib"]["s"], mib, color=_colour(kind), label=kind, linewidth=1.2)
    memory.set_title("resident MiB")
    memory.set_xlabel("s")
    memory.set_ylim(bottom=0)
    _legend(figure, [memory])
    return figure


def growth(stage: Figures) -> Figure:
    """Draw what a payment costs with few and with many payments in the system."""
    sizes = {f"{int(count):,} there": by_kind for count, by_kind in stage["cpu_us_by_kind"].items()}
    figure, (panel,) = _panels(1, rows=len(sizes))
    _stacks(panel, sizes)
    panel.set_title("CPU us a payment")
    _legend(figure, [panel])
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
    figure, (panel,) = _panels(1, rows=len(told))
    _bars(panel, told)
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
                with rc_context(STYLE):
                    draw(figures[stage]).savefig(
                        path, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
                    )
                written.append(path)
    return written


def _panels(columns: int, *, rows: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(WIDTH, 0.9 + BAR * rows), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def _bars(axes: Axes, values: Mapping[str, float]) -> None:
    """Draw one bar for each value, the first on top, with its number."""
    bars = axes.barh(list(values), list(values.values()), color=COLOURS["rails"], height=0.6)
    axes.bar_label(bars, [_number(value) for value in values.values()], padding=3)
    _open(axes)


def _stacks(axes: Axes, stacks: Mapping[str, Mapping[str, float]]) -> None:
    """Draw one bar for each stack, made of its kinds, the same kinds in the same order, with their sum."""
    kinds = list(dict.fromkeys(kind for stack in stacks.values() for kind in stack))
    left = [0.0] * len(stacks)
    for kind in kinds:
        widths = [stack.get(kind, 0.0) for stack in stacks.values()]
        axes.barh(list(stacks), widths, left=left, color=_colour(kind), height=0.6, label=kind)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for place, total in enumerate(left):
        axes.annotate(_number(total), (total, place), (3, 0), textcoords="offset points", va="center")
    _open(axes)


def _open(axes: Axes) -> None:
    """Leave room for the numbers beside the bars, and put the first bar on top."""
    axes.margins(x=0.3)
    axes.invert_yaxis()
    axes.tick_params(left=False)
    if axes.get_xscale() == "linear":
        axes.locator_params(axis="x", nbins=4)


def _slices(axes: Axes, stage: Figures) -> None:
    slice_s, rates = stage["slice_s"], stage["finished_per_s"]
    edges = [number * slice_s for number in range(len(rates))] + [stage["seconds"]]
    axes.stairs(rates, edges, color=COLOURS["rails"])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("s")


def _legend(figure: Figure, panels: Sequence[Axes]) -> None:
    handles = {
        label: handle for panel in panels for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=len(handles), fontsize=8)


def _colour(kind: str) -> str:
    # Peers have kinds of their own: the same name has the same colour, whoever else is in the plot.
    return COLOURS.get(kind) or OTHERS[sum(kind.encode()) % len(OTHERS)]


def _by(turns: Sequence[Figures], name: str) -> dict[str, list[Figures]]:
    """Return the turns by who took them."""
    return {who: [each for each in turns if each[name] == who] for who in dict.fromkeys(each[name] for each in turns)}


def _by_kind(phases: Sequence[Figures]) -> dict[str, float]:
    kinds = dict.fromkeys(kind for each in phases for kind in each["cpu_us_by_kind"])
    return {kind: statistics.median(each["cpu_us_by_kind"].get(kind, 0.0) for each in phases) for kind in kinds}


def _median(turns: Sequence[Figures], key: str) -> float:
    return float(statistics.median(each[key] for each in turns))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def main(paths: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        for written in plot(json.loads(path.read_text()), folder):
            print(written)


if __name__ == "__main__":
    *given, target = map(Path, sys.argv[1:])
    main(given, target)
