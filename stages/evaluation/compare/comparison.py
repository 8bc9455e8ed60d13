"""Differences of two runs by task, by type and overall."""

from dataclasses import dataclass

from tqdm import tqdm

from stages.evaluation.compare.data import other_data
from stages.evaluation.compare.pairing import Pairing, Rows, pair
from stages.evaluation.compare.runs import Run
from stages.evaluation.compare.types import types_of
from stages.evaluation.scores import in_papers_order
from stages.evaluation.statistics import Estimate, average, averages, difference, estimate_strata, holm
from stages.shared.errors import UserError

SIGNIFICANT = 0.05

Three = tuple[Estimate, Estimate, Estimate]
"""Estimates of A, of B and of B - A."""


@dataclass(frozen=True, slots=True)
class Line:
    """One compared score, in points; no interval and no p-value where a stratum has one sample only."""

    name: str
    samples: int
    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    corrected: float | None  # for the number of lines beside it, but not for the two means

    @property
    def beyond_chance(self) -> bool:
        return self.corrected is not None and self.corrected < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class Comparison:
    """Run B against run A."""

    first: Run
    second: Run
    resamples: int
    types: dict[str, str]  # of each task
    task_lines: list[Line]
    type_lines: list[Line]
    mean_lines: list[Line]
    pairing: Pairing

    @property
    def lines(self) -> list[Line]:
        return [*self.task_lines, *self.type_lines, *self.mean_lines]


def compare(first: Run, second: Run, *, resamples: int) -> Comparison:
    """Compare the samples that both runs have of the same data. Raises UserError when there are none."""
    pairing = pair(first.rows, second.rows, other_data(first, second))
    if not pairing.tasks:
        raise _nothing_shared(first, second, pairing)
    types = types_of(list(pairing.tasks))
    names = [name for kind in in_papers_order(types.values()) for name in pairing.tasks if types[name] == kind]
    with tqdm(names, desc="compare", unit="task", disable=None, leave=False) as progress:
        threes = {name: estimate_pair(*pairing.tasks[name], resamples) for name in progress}
    levels = [averages({name: three[place] for name, three in threes.items()}, types) for place in range(3)]
    sizes = {name: len(pairing.tasks[name][0]) for name in names}
    of_types = {kind: sum(sizes[name] for name in names if types[name] == kind) for kind in levels[0].types}
    task_lines = _lines(threes, sizes)
    type_lines = _lines({kind: tuple(level.types[kind] for level in levels) for kind in of_types}, of_types)
    total = sum(sizes.values())
    mean_lines = [
        line
        for name, attribute in (("mean over tasks", "mean_task"), ("mean over types", "mean_type"))
        for line in _lines({name: tuple(getattr(level, attribute) for level in levels)}, {name: total})
    ]
    return Comparison(first, second, resamples, types, task_lines, type_lines, mean_lines, pairing)


def estimate_pair(first: Rows, second: Rows, resamples: int) -> Three:
    """One task, of which A and B have these rows of the same samples."""
    ours, theirs = estimate_strata(first, resamples), estimate_strata(second, resamples)
    changes = [difference(ours[stratum], theirs[stratum]) for stratum in ours]
    return average([*ours.values()]), average([*theirs.values()]), average(changes)


def _lines(threes: dict[str, Three], samples: dict[str, int]) -> list[Line]:
    p_values = {name: change.p_value() for name, (_, _, change) in threes.items()}
    corrected = holm(p_values)
    lines = []
    for name, (first, second, change) in threes.items():
        low, high = (100 * end for end in change.interval()) if change.known else (None, None)
        values = [100 * estimate.value for estimate in (first, second, change)]
        lines.append(Line(name, samples[name], *values, low, high, p_values[name], corrected[name]))
    return lines


def _nothing_shared(first: Run, second: Run, pairing: Pairing) -> UserError:
    if others := [*pairing.other_data, *pairing.unpaired]:
        reason = f"the samples of {', '.join(others)} are not the same in both"
    else:
        reason = f"A has {', '.join(pairing.only_first) or 'none'}; B has {', '.join(pairing.only_second) or 'none'}"
    return UserError(
        f"{first} and {second} have no task in common: {reason}",
        next="compare runs with common evaluation.tasks, evaluated on the same documents",
    )
