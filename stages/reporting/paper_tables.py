"""The paper's tables with our rows beside the paper's, clearly apart."""

from stages.reporting.results import TYPES, Results, find, order_types, read_paper
from stages.reporting.tables import Cell, Table
from stages.shared.labels import TRAINED
from stages.shared.records import BUCKETS
from stages.shared.settings import Settings


def table1(results: Results, settings: Settings) -> Table:
    """Scores by task type (paper, Table 1). Ours are over the profile's own tasks and say so."""
    samples = str(results.metrics["training"]["samples"])
    others = [name for name in order_types(results.metrics["evaluation"]["types"]) if name not in TYPES]
    ours: list[list[Cell]] = [
        [settings.params.training_data if model == TRAINED else "–", model, samples if model == TRAINED else "–"]
        + [find(scores, "types", name) for name in (*TYPES, *others)]
        + [find(scores, "mean_task")]
        for model, scores in results.models.items()
    ]
    unknown = [None] * len(others)
    paper: list[list[Cell]] = [
        [row["data"], row["model"], row["samples"], *(float(row[name]) for name in TYPES), *unknown, float(row["mean"])]
        for row in read_paper("table1")
    ]
    count = len(results.metrics["evaluation"]["tasks"])
    return Table(
        name="table1",
        caption="Mean score by task type and over all tasks, in points. The two blocks come from different tasks and "
        "models: they cannot be compared with each other.",
        columns=["data", "model", "samples", *TYPES.values(), *others, "mean"],
        groups=[
            (f"This run: profile {settings.params.profile}, {count} tasks", ours),
            ("As printed in the paper: MTEB English v1, 56 tasks", paper),
        ],
    )


def similarity(results: Results, settings: Settings) -> Table:
    """Mean similarity of the negatives by level (paper, table of levels)."""
    levels = results.metrics["buckets"]["similarity"]
    printed = {row["level"]: float(row["similarity"]) for row in read_paper("similarity")}
    scorer = settings.profile.buckets.scorer
    return Table(
        name="similarity",
        caption="Mean cosine similarity of the negatives by level, N1 the hardest. Scorers differ in scale: compare "
        "the order, not the values.",
        columns=["similarity to", *BUCKETS],
        groups=[
            (
                f"This run, scored by {scorer}",
                [[f"the {name}", *(levels[name][n] for n in BUCKETS)] for name in levels],
            ),
            ("As printed in the paper", [["query or positive (not said)", *(printed[n] for n in BUCKETS)]]),
        ],
        digits=3,
    )
