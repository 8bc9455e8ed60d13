"""What a changed setting does to the score: how sure over samples, and how it differs from seed to seed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from stages.ablation.cells import Cell, Runs
from stages.evaluation.compare.comparison import estimate_pair
from stages.evaluation.compare.pairing import pair
from stages.evaluation.statistics import RESAMPLES, Estimate, average, holm, unknown
from stages.shared.errors import UserError


@dataclass(frozen=True)
class Effect:
    """One setting. Scores and differences are in points, by seed; those of the default have no difference."""

    scores: dict[int, float]
    differences: dict[int, float]  # from the default, of the seeds that both have
    interval: tuple[float, float] | None = None  # 95%, of the mean difference, over samples; None where it is unknown
    p_value: float | None = None  # corrected for the number of settings that are compared


def effects(runs: Mapping[str, Runs]) -> dict[str, Effect]:
    """Of each value of one key, the default first. Raises UserError for a value without a seed of the default."""
    (default, base), *others = runs.items()
    estimates: dict[str, Estimate] = {}
    for value, cells in tqdm(others, desc="compare", unit="setting", disable=None, leave=False):
        shared = [seed for seed in base if seed in cells]
        if not shared:
            raise UserError(f"{value} has no seed that {default} has", next="give all cells the same seeds")
        estimates[value] = _over_seeds([_difference(base[seed], cells[seed]) for seed in shared])
    p_values = holm({value: estimate.p_value() for value, estimate in estimates.items()})
    found = {default: Effect(_scores(base), {})}
    for value, cells in others:
        ends = estimates[value].interval()
        found[value] = Effect(
            _scores(cells),
            {seed: cells[seed].scores["mean_task"] - base[seed].scores["mean_task"] for seed in base if seed in cells},
            (100 * ends[0], 100 * ends[1]) if ends else None,
            p_values[value],
        )
    return found


def _scores(cells: Runs) -> dict[int, float]:
    return {seed: cell.scores["mean_task"] for seed, cell in sorted(cells.items())}


def _difference(first: Cell, second: Cell) -> Estimate:
    """The mean over tasks of B - A, of the same seed; unknown where a task has no scores by sample."""
    scored, pairing = first.scores["tasks"].keys(), pair(first.samples(), second.samples(), {})
    if pairing.only_first or pairing.only_second or pairing.unpaired or scored != second.scores["tasks"].keys():
        raise UserError(
            f"{first.folder} and {second.folder} were not scored on the same samples",
            next="give all cells the same evaluation.tasks, evaluation.max_documents and data",
        )
    if pairing.tasks.keys() != scored:
        return unknown((second.scores["mean_task"] - first.scores["mean_task"]) / 100, RESAMPLES)
    return average([estimate_pair(*rows, RESAMPLES)[2] for rows in pairing.tasks.values()])


def _over_seeds(estimates: list[Estimate]) -> Estimate:
    """Their mean. Not the `average` of independent estimates: all seeds meet the same samples in each draw."""
    return Estimate(
        float(np.mean([estimate.value for estimate in estimates])),
        np.mean([estimate.draws for estimate in estimates], axis=0),
        min(estimate.freedom for estimate in estimates),
    )
