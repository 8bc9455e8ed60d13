"""The report's figures as SVG. Equal data give equal bytes."""

import csv
import re
from itertools import pairwise
from math import ceil
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.reporting.results import Results, find, order_types, read_paper
from stages.shared.records import BUCKETS

LEVEL_COLOURS = dict(zip(BUCKETS, ("#7f1d1d", "#c2410c", "#d97706", "#a3a3a3"), strict=True))
MODEL_COLOURS = ("#1d4ed8", "#a3a3a3", "#0f766e", "#d97706", "#7c3aed", "#be185d", "#0891b2", "#65a30d")
BARS = (0.115, 0.3)  # inches of a bar: at least, so that two digits fit above it, and at most
GROUP = 0.86  # share of a type's width that its bars may take
MARGIN = 0.55  # inches left of the axes
INTERVAL = {"fmt": "none", "ecolor": "#333333", "elinewidth": 0.7, "capsize": 1.5, "capthick": 0.7}
STYLE = {
    "svg.hashsalt": "figures",  # else element ids are random
    "svg.fonttype": "path",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e5e5e5",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def save(figure: Figure, path: str | Path) -> None:
    """Write an SVG without a date in it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


@plt.rc_context(STYLE)
def scores(results: Results) -> Figure:
    """Mean score by task type with its interval: the trained encoder beside those baselines that can do the type."""
    types = order_types(results.metrics["evaluation"]["types"])
    models = {name: row for name, row in results.models.items() if row["types"]}
    present = [[name for name in models if find(models[name], "types", kind) is not None] for kind in types]
    most = max(map(len, present))
    inches = max(7.2, MARGIN + len(types) * max(most * BARS[0] / GROUP, 0.95))
    columns = _legend_columns(list(models), inches)
    figure, axes = plt.subplots(figsize=(inches, 2.8 + 0.2 * ceil(len(models) / columns)))
    width = min(GROUP / most, BARS[1] * len(types) / (inches - MARGIN))
    for index, (model, values) in enumerate(models.items()):
        own = [place for place, names in enumerate(present) if model in names]
        middles = [place + width * (present[place].index(model) - (len(present[place]) - 1) / 2) for place in own]
        heights = [values["types"][types[place]] for place in own]
        bounds = [find(values, "intervals", "types", types[place]) for place in own]
        axes.bar(middles, heights, width, label=model, edgecolor="white", lw=0.3, **_fill(index))
        _label_bars(axes, middles, heights, bounds)
    axes.set_xlim(-0.5, len(types) - 0.5)
    axes.set_xticks(range(len(types)), [_two_lines(name) for name in types])
    axes.set_ylabel("main score, points")
    axes.grid(axis="x", visible=False)
    figure.legend(loc="outside upper center", ncols=columns)
    return figure


def _fill(index: int) -> dict:
    """A colour for each model, hatched where there are more models than colours."""
    turn, colour = divmod(index, len(MODEL_COLOURS))
    return {"color": MODEL_COLOURS[colour], "hatch": "///" * turn}


def _label_bars(axes: Axes, middles: list[float], heights: list[float], bounds: list[dict | None]) -> None:
    """Draw the intervals that there are, and each bar's points above it and its interval."""
    drawn = [(middle, bound["low"], bound["high"]) for middle, bound in zip(middles, bounds, strict=True) if bound]
    if drawn:
        places, low, high = np.transpose(drawn)
        # Around its own middle: a bootstrap interval need not hold the score, and bars of negative length are refused.
        axes.errorbar(places, (low + high) / 2, (high - low) / 2, **INTERVAL)
    for middle, height, bound in zip(middles, heights, bounds, strict=True):
        top = max(0.0, height, bound["high"] if bound else height)
        axes.annotate(
            f"{height:.0f}", (middle, top), (0, 1.5), textcoords="offset points", ha="center", va="bottom", fontsize=6.5
        )


def _two_lines(name: str) -> str:
    """PairClassification in two lines, so that neighbours do not touch."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "\n", name, count=1)


def _legend_columns(labels: list[str], inches: float) -> int:
    """As many as fit into `inches`, with the entries spread evenly over the rows."""
    for rows in range(1, len(labels)):
        columns = ceil(len(labels) / rows)
        longest = [max(map(len, column)) for column in np.array_split(labels, columns)]  # as the legend fills them
        if sum(0.6 + 0.07 * length for length in longest) < inches:
            return columns
    return 1


@plt.rc_context(STYLE)
def similarity(results: Results, histogram: str | Path) -> Figure:
    """Left: how similar the negatives of each level are to their positive. Right: means, ours and the paper's."""
    with Path(histogram).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), width_ratios=(2, 1))
    for level, colour in LEVEL_COLOURS.items():
        tail = np.cumsum([float(row[level]) for row in rows][::-1])[::-1]
        left.plot([float(row["similarity"]) for row in rows], 100 * tail, label=level, color=colour)
    left.set_yscale("symlog", linthresh=1, linscale=0.5)
    left.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    left.set_xlabel("similarity s to the positive")
    left.set_ylabel("% of negatives at least s")
    left.legend()
    ours = results.metrics["buckets"]["similarity"]["positive"]
    paper = {row["level"]: float(row["similarity"]) for row in read_paper("similarity")}
    right.plot(BUCKETS, [paper[level] for level in BUCKETS], "o--", color="#a3a3a3", label="paper")
    right.plot(BUCKETS, [ours[level] for level in BUCKETS], "o-", color="#1d4ed8", label="this run")
    right.set_ylim(0, 1)
    right.set_ylabel("mean similarity")
    right.legend(loc="center right")
    return figure


@plt.rc_context(STYLE)
def training_curves(curves: str | Path) -> Figure:
    """Loss and in-batch accuracy by step, the level being trained shaded behind."""
    columns = {name: _curve(Path(curves) / f"{name}.tsv", name) for name in ("loss", "in_batch_accuracy", "level")}
    figure, axes = plt.subplots(figsize=(7.2, 2.6))
    steps = np.arange(len(columns["loss"]))
    starts = [0, *(np.flatnonzero(np.diff(columns["level"])) + 1), len(steps)]
    if len(starts) <= 2 * len(BUCKETS):  # the random curriculum changes at nearly every step
        for start, end in pairwise(starts):
            level = f"N{int(columns['level'][start])}"
            axes.axvspan(start, end, color=LEVEL_COLOURS[level], alpha=0.10, lw=0)
            axes.text((start + end) / 2, 1.02, level, ha="center", fontsize=8, transform=axes.get_xaxis_transform())
    axes.plot(steps, columns["loss"], color="#1d4ed8", label="loss")
    axes.set_xlabel("step")
    axes.set_ylabel("InfoNCE loss")
    axes.set_ylim(bottom=0)
    right = axes.twinx()
    right.plot(steps, columns["in_batch_accuracy"], color="#0f766e", label="in-batch accuracy")
    right.set_ylim(0, 1)
    right.set_ylabel("in-batch accuracy")
    right.grid(visible=False)
    axes.legend(handles=[*axes.lines, *right.lines], loc="center right")
    return figure


@plt.rc_context(STYLE)
def score_curve(points: str | Path) -> Figure | None:
    """Mean score over training steps with its interval; None where there are fewer than three points."""
    with Path(points).open(encoding="utf-8", newline="") as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    if len(rows) < 3:
        return None
    figure, axes = plt.subplots(figsize=(7.2, 2.6))
    steps = [row["step"] for row in rows]
    axes.plot(steps, [row["score"] for row in rows], "o-", color="#1d4ed8", ms=4)
    bounds = [(row["low"], row["high"]) if "low" in row else (np.nan, np.nan) for row in rows]
    axes.fill_between(steps, *np.transpose(bounds), color="#1d4ed8", alpha=0.12, lw=0)
    axes.set_xlabel("step")
    axes.set_ylabel("mean score, points")
    return figure


def _curve(path: Path, name: str) -> np.ndarray:
    with path.open(encoding="utf-8", newline="") as file:
        return np.array([float(row[name]) for row in csv.DictReader(file, delimiter="\t")])
