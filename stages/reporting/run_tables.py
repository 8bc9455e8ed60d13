"""Tables of this run alone: scores by task, their intervals, and what was evaluated."""

from stages.reporting.results import ENCODER, Results, find, order_types
from stages.reporting.tables import Cell, Estimate, Table

SHORT = 8  # digits of a revision that are enough to find it


def task_scores(results: Results) -> Table:
    """Main score of each task, each model in a column."""
    tasks = results.metrics["evaluation"]["tasks"]
    rows = [[task, *(find(scores, "tasks", task) for scores in results.models.values())] for task in tasks]
    return Table(
        name="tasks",
        caption="Main score of each task, in points.",
        columns=["task", *results.models],
        groups=[("This run", rows)],
    )


def intervals(results: Results) -> Table:
    """Each score with its interval: by task, by type, and the means."""
    trained, models = results.metrics["evaluation"], results.models

    def row(label: str, *keys: str) -> list[Cell]:
        return [label, *(_estimate(scores, *keys) for scores in models.values())]

    return Table(
        name="intervals",
        caption="Scores in points with 95% bootstrap intervals over the queries, pairs or texts of each task (of "
        "clusterings for clustering). The tasks are fixed: the intervals say nothing of other tasks. There is none "
        "where a task has no scores by sample.",
        columns=["score", *models],
        groups=[
            ("This run: tasks", [row(task, "tasks", task) for task in trained["tasks"]]),
            ("This run: mean by type", [row(name, "types", name) for name in order_types(trained["types"])]),
            ("This run: means", [row("mean of tasks", "mean_task"), row("mean of types", "mean_type")]),
        ],
    )


def evaluated(found: dict) -> Table:
    """What the scores are scores of. `found` is what `load_evaluated` read."""
    rows = []
    for task, facts in found["tasks"].items():
        read = facts["models"].get(ENCODER, {})
        cut = 100 * read["cut"] / read["texts"] if read.get("texts") else None
        rows.append([task, facts["type"], facts["main_score"], _revision(facts["revisions"]), read.get("samples"), cut])
    return Table(
        name="evaluated",
        caption=f"What was evaluated, with mteb {found['mteb']}: the revision of each task's data, how many samples "
        "(queries, pairs, texts or clusterings) are scored, and which share of its texts is longer than the trained "
        "encoder reads and was cut.",
        columns=["task", "type", "main score", "revision", "samples", "% of texts cut"],
        groups=[(f"This run: {len(rows)} tasks", rows)],
    )


def _estimate(scores: dict, *keys: str) -> Estimate | None:
    value, bounds = find(scores, *keys), find(scores, "intervals", *keys)
    if value is None:
        return None
    return Estimate(value, bounds["low"], bounds["high"]) if bounds else Estimate(value)


def _revision(revisions: dict[str, str]) -> str:
    return f"{len(revisions)} parts" if len(revisions) > 1 else next(iter(revisions.values()))[:SHORT]
