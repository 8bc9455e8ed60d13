"""From mteb's results to the paper's figures: points by task, by type and on average."""

from statistics import mean

from mteb.results import TaskResult

PAPER_ORDER = ("Classification", "Clustering", "PairClassification", "Reranking", "Retrieval", "STS", "Summarization")


def summarise(results: dict[str, TaskResult], types: dict[str, str]) -> dict:
    """Main scores x 100 of one model.

    Args:
        results: by task name, in the order to report.
        types: MTEB type of each task.

    Returns:
        `mean_task` (each task counts once, the paper's average), `mean_type` (each type counts once), `types` in the
        order of the paper's table, `tasks` in the order of `results`.
    """
    tasks = {name: 100 * float(result.get_score()) for name, result in results.items()}
    present = {types[name] for name in tasks}
    order = [*(kind for kind in PAPER_ORDER if kind in present), *sorted(present - set(PAPER_ORDER))]
    by_type = {kind: mean(score for name, score in tasks.items() if types[name] == kind) for kind in order}
    return {
        "mean_task": mean(tasks.values()),
        "mean_type": mean(by_type.values()),
        "types": by_type,
        "tasks": tasks,
    }
