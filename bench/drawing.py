"""What plots are made of: bars, stacks of kinds of processes, steps.

Text is text, in a grey that is read on white and on black as the colours are; nothing is behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

GREY = "#767676"
LEGEND_COLUMNS_MAX = 6  # More are wider than a plot.
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
# Of equal lightness, so that none is lost on either ground. Kinds keep their colour from plot to plot, peers' too.
COLOURS = {
    "kafka": "#d1704f",
    "rails": "#3f8fbf",
    "stream": "#b8860b",
    "projector": "#5f9e5f",
    "bank": "#a878b8",
    "postgres": "#c06090",
    "api": "#4fa3a3",
    "webhooks": "#a09060",
    "reconciler": "#7c86c4",
    "uvicorn": "#7f8fa6",
    "celery": "#a0a040",
    "redis": "#b07070",
    "app": "#8c7f6a",
    "sink": "#6f8f5f",
}
OTHER = "#8a8a8a"
BAR_COLOUR = COLOURS["rails"]
WIDTH = 7.6
BAR = 0.32  # Inches of height for each bar.


def panels(columns: int, *, rows: int) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure with so many panels side by side, high enough for so many bars."""
    figure = Figure(figsize=(WIDTH, 0.9 + BAR * rows), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def bars(axes: Axes, values: Mapping[str, float]) -> None:
    """Draw one bar for each value, the first on top, with its number."""
    drawn = axes.barh(list(values), list(values.values()), color=BAR_COLOUR, height=0.6)
    axes.bar_label(drawn, [_number(value) for value in values.values()], padding=3)
    _open(axes)


def stacks(axes: Axes, of: Mapping[str, Mapping[str, float]]) -> None:
    """Draw one bar for each stack, made of its kinds, the same kinds in the same order, with their sum."""
    kinds = list(dict.fromkeys(kind for stack in of.values() for kind in stack))
    left = [0.0] * len(of)
    for kind in kinds:
        # Only where it is: an empty bar would be drawn as well, and make the file large.
        widths = {place: stack[kind] for place, stack in enumerate(of.values()) if kind in stack}
        starts = [left[place] for place in widths]
        axes.barh(
            list(widths), list(widths.values()), left=starts, color=colour(kind), height=0.6, label=kind, clip_on=False
        )
        for place, width in widths.items():
            left[place] += width
    axes.set_yticks(range(len(of)), labels=list(of))
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


def slices(axes: Axes, rates: Sequence[float], *, slice_s: float, ended_s: float) -> None:
    """Draw one step for each slice, the last of which goes on to the end."""
    edges = [*(number * slice_s for number in range(len(rates))), ended_s]
    axes.stairs(rates, edges, color=BAR_COLOUR)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("s")


def legend(figure: Figure, of: Sequence[Axes]) -> None:
    """Name the colours of some panels below all of them, each once."""
    handles = {label: handle for panel in of for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    columns = min(len(handles), LEGEND_COLUMNS_MAX)
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=columns, fontsize=8)


def colour(kind: str) -> str:
    return COLOURS.get(kind, OTHER)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
