"""What the earlier stages measured, gathered for the report."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stages.shared.errors import UserError
from stages.shared.files import read_json
from stages.shared.labels import TRAINED, labels

METRICS = Path("reports/metrics")
ANCHORS = Path("data/evaluation/anchors.json")
EVALUATED = Path("data/evaluation/tasks.json")
INTERVALS = Path("data/evaluation/intervals.json")  # of each model's scores, by its name in the profile
PAPER = Path("reports/paper")
ENCODER = "encoder"  # of the trained encoder, in the evaluation's own files
STAGES = ("corpus", "brainstorm", "prompts", "synthesis", "buckets", "backbone", "training", "evaluation")

TYPES = {
    "Classification": "Class.",
    "Clustering": "Clust.",
    "PairClassification": "Pair",
    "Reranking": "Rerank",
    "Retrieval": "Retr.",
    "STS": "STS",
    "Summarization": "Summ.",
}
"""The task types of the paper's Table 1 and their headings, in its order. MTEB has more: see `order_types`."""


@dataclass(frozen=True, slots=True)
class Results:
    """The metrics of each stage by its name, and the baselines' scores by their names in the profile, in its order."""

    metrics: dict[str, dict]
    baselines: dict[str, dict]

    @property
    def models(self) -> dict[str, dict]:
        """Scores in points of the trained encoder and then of the baselines, by the name that readers see.

        A baseline may lack tasks, types and means that it cannot do: read them with `find`.
        """
        shown = labels(self.baselines)
        return {TRAINED: self.metrics["evaluation"]} | {shown[name]: row for name, row in self.baselines.items()}


def find(scores: dict, *keys: str) -> float | dict | None:
    """A part of one model's scores, as `find(scores, "intervals", "types", "STS")`; None if there is none."""
    found = scores
    for key in keys:
        if key not in found:
            return None
        found = found[key]
    return found


def order_types(names: Iterable[str]) -> list[str]:
    """Those of the paper in its order, then any other by name."""
    return [*(name for name in TYPES if name in names), *sorted(name for name in names if name not in TYPES)]


def load_results() -> Results:
    """Read `reports/metrics`, and the intervals into the scores. Raises UserError when a stage has not run."""
    paths = {**{name: METRICS / f"{name}.json" for name in (*STAGES, "baselines")}, "intervals": INTERVALS}
    if missing := [str(path) for path in paths.values() if not path.exists()]:
        raise UserError(f"{', '.join(missing)} missing", next="run `dvc repro`, which makes all that the report needs")
    metrics = {name: read_json(path) for name, path in paths.items()}
    intervals, baselines = metrics.pop("intervals"), metrics.pop("baselines")
    for name, scores in {ENCODER: metrics["evaluation"], **baselines}.items():
        scores["intervals"] = intervals[name]
    return Results(metrics, baselines)


def load_anchors() -> dict:
    """What the evaluation saw of each token's weight. Raises UserError when it has not run."""
    if not ANCHORS.exists():
        raise UserError(f"{ANCHORS} missing", next="run `dvc repro evaluation`, which writes it")
    return read_json(ANCHORS)


def load_evaluated() -> dict:
    """What the evaluation says of its tasks, and mteb's version. Raises UserError when it has not run."""
    if not EVALUATED.exists():
        raise UserError(f"{EVALUATED} missing", next="run `dvc repro evaluation`, which writes it")
    return read_json(EVALUATED)


def read_paper(name: str) -> list[dict[str, str]]:
    """The rows of a file of the paper's own figures."""
    with (PAPER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
