"""Pictures of an ablation: differences from the default beside the paper's, and score over training steps."""

from collections.abc import Mapping
from statistics import mean

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from stages.ablation.effects import Effect
from stages.reporting.figures import MODEL_COLOURS, STYLE

OURS, PAPER = "#1d4ed8", "#a3a3a3"
LINES = ("-", "--", ":")  # where there are more lines than colours


@plt.rc_context(STYLE)
def differences(key: str, effects: Mapping[str, Effect], printed: Mapping[str, float]) -> Figure:
    """Each value's difference from the default, the first value, with its interval, each seed, and the paper's."""
    default, *others = effects
    order = [value for value in printed if value in others] + [value for value in others if value not in printed]
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.32 * len(order)))
    axes.axvline(0, color="#57534e", lw=0.8)
    for place, value in enumerate(reversed(order)):
        effect = effects[value]
        seeds = [*effect.differences.values()]
        if len(seeds) > 1:
            axes.plot(seeds, [place] * len(seeds), "|", color=OURS, ms=9, label="each seed")
        if effect.interval:
            axes.plot(effect.interval, [place] * 2, color=OURS, lw=1.2)
        axes.plot(mean(seeds), place, "o", color=OURS, ms=5, label="this run, with 95% over samples")
        if value in printed and default in printed:
            axes.plot(printed[value] - printed[default], place, "D", color=PAPER, ms=5, label="as printed in the paper")
    axes.set_yticks(range(len(order)), reversed(order))
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xlabel(f"difference from {key}={default}, points")
    axes.grid(axis="y", visible=False)
    handles = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
    return figure


@plt.rc_context(STYLE)
def curves(points: Mapping[str, list[dict[int, float]]]) -> Figure:
    """Score over steps: `points` by value, of each seed a score by step; the band is from lowest to highest seed."""
    figure, axes = plt.subplots(figsize=(7.2, 3.2))
    for number, (value, seeds) in enumerate(points.items()):
        turn, colour = divmod(number, len(MODEL_COLOURS))
        steps = sorted(set.intersection(*(set(seed) for seed in seeds)))
        scores = np.array([[seed[step] for step in steps] for seed in seeds])
        style = {"color": MODEL_COLOURS[colour], "ls": LINES[turn % len(LINES)]}
        axes.plot(steps, scores.mean(axis=0), marker="o", ms=3, label=value, **style)
        if len(seeds) > 1:
            axes.fill_between(steps, scores.min(axis=0), scores.max(axis=0), color=style["color"], alpha=0.12, lw=0)
    axes.set_xlabel("step")
    axes.set_ylabel("mean score, points")
    figure.legend(loc="outside right center")
    return figure
