"""From mteb's results to the paper's figures: points by task, by type and on average, with 95% intervals."""

import math
from collections import defaultdict
from collections.abc import Iterable
from statistics import mean

from mteb.results import TaskResult

from stages.evaluation.statistics import RESAMPLES, Estimate, average, averages, estimate_strata, unknown
from stages.shared.records import SampleScore

PAPER_ORDER = ("Classification", "Clustering", "PairClassification", "Reranking", "Retrieval", "STS", "Summarization")


def summarise(
    results: dict[str, TaskResult], types: dict[str, str], samples: list[SampleScore], *, complete: bool
) -> dict:
    """Main scores x 100 of one model.

    Args:
        results: by task name, in the order to report. One whose main score is no number counts as not done.
        types: MTEB type of each task of the run. A type of which the model lacks a task is left out.
        samples: the model's rows; a task without rows gets no interval, nor does an average that it belongs to.
        complete: whether the model did all tasks of the run. If not, its means would be over other tasks than those of
            the models beside it, and are left out.

    Returns:
        `mean_task` (each task counts once, the paper's average), `mean_type` (each type counts once), `types` in the
        order of the paper's table, `tasks` in the order of `results`; and `intervals`, the same again with `low` and
        `high` in place of each score.
    """
    tasks = {name: 100 * float(result.get_score()) for name, result in results.items()}
    tasks = {name: score for name, score in tasks.items() if math.isfinite(score)}
    complete = complete and len(tasks) == len(results)
    members = {kind: [name for name in types if types[name] == kind] for kind in in_papers_order(types.values())}
    whole = {kind: names for kind, names in members.items() if all(name in tasks for name in names)}
    by_type = {kind: mean(tasks[name] for name in names) for kind, names in whole.items()}
    means = {"mean_task": mean(tasks.values()), "mean_type": mean(by_type.values())} if complete else {}
    summary = {**means, "types": by_type, "tasks": tasks}
    return {**summary, "intervals": _intervals(summary, types, samples)}


def in_papers_order(types: Iterable[str]) -> list[str]:
    """The types as the paper's table has them, then any others by name."""
    types = set(types)
    return [*(kind for kind in PAPER_ORDER if kind in types), *sorted(types - set(PAPER_ORDER))]


def _intervals(summary: dict, types: dict[str, str], samples: list[SampleScore]) -> dict:
    """The intervals of what the summary holds, as far as they are known."""
    rows: dict[str, list[SampleScore]] = defaultdict(list)
    for row in samples:
        rows[row.task].append(row)
    if not summary["tasks"]:
        return {"types": {}, "tasks": {}}
    estimates = averages({name: _estimate(rows[name]) for name in summary["tasks"]}, types)
    means = {name: getattr(estimates, name) for name in ("mean_task", "mean_type") if name in summary}
    by_type = {kind: estimates.types[kind] for kind in summary["types"]}
    return {**_ends(means), "types": _ends(by_type), "tasks": _ends(estimates.tasks)}


def _estimate(rows: list[SampleScore]) -> Estimate:
    return average([*estimate_strata(rows).values()]) if rows else unknown(0.0, RESAMPLES)


def _ends(estimates: dict[str, Estimate]) -> dict[str, dict[str, float]]:
    ends = {name: estimate.interval() for name, estimate in estimates.items()}
    return {name: {"low": 100 * pair[0], "high": 100 * pair[1]} for name, pair in ends.items() if pair}
