"""The report's figures as SVG. Equal data give equal bytes."""

import csv
from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from stages.reporting.results import TYPES, Results, read_paper
from stages.shared.records import BUCKETS

LEVEL_COLOURS = dict(zip(BUCKETS, ("#7f1d1d", "#c2410c", "#d97706", "#a3a3a3"), strict=True))
MODEL_COLOURS = ("#1d4ed8", "#a3a3a3", "#0f766e")
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
    """Mean score by task type: the trained encoder beside its baselines."""
    types = [name for name in TYPES if name in results.metrics["evaluation"]["types"]]
    figure, axes = plt.subplots(figsize=(7.2, 3.0))
    positions, width = np.arange(len(types)), 0.8 / len(results.models)
    for index, ((model, values), colour) in enumerate(zip(results.models.items(), MODEL_COLOURS, strict=True)):
        heights = [values["types"][name] for name in types]
        bars = axes.bar(positions + (index - 1) * width, heights, width, label=model, color=colour)
        axes.bar_label(bars, fmt="%.0f", fontsize=7, padding=1)
    axes.set_xticks(positions, types)
    axes.set_ylabel("main score, points")
    axes.grid(axis="x", visible=False)
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.17))
    return figure


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


def _curve(path: Path, name: str) -> np.ndarray:
    with path.open(encoding="utf-8", newline="") as file:
        return np.array([float(row[name]) for row in csv.DictReader(file, delimiter="\t")])
