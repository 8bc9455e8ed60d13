"""What the earlier stages measured, gathered for the report."""

import csv
from dataclasses import dataclass
from pathlib import Path

from stages.shared.errors import UserError
from stages.shared.files import read_json

METRICS = Path("reports/metrics")
ANCHORS = Path("data/evaluation/anchors.json")
PAPER = Path("reports/paper")
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
"""MTEB's task types and their headings, in the order of the paper's Table 1."""


@dataclass(frozen=True, slots=True)
class Results:
    """The metrics of each stage by its name, and the baselines' scores by model."""

    metrics: dict[str, dict]
    baselines: dict[str, dict]

    @property
    def models(self) -> dict[str, dict]:
        """Scores in points of the trained encoder and of the baselines, by the name that readers see."""
        return {
            "trained": self.metrics["evaluation"],
            "untrained backbone": self.baselines["untrained"],
            "TF-IDF": self.baselines["tfidf"],
        }


def load_results() -> Results:
    """Read `reports/metrics`. Raises UserError when a stage has not run."""
    paths = {name: METRICS / f"{name}.json" for name in (*STAGES, "baselines")}
    if missing := [str(path) for path in paths.values() if not path.exists()]:
        raise UserError(f"{', '.join(missing)} missing", next="run `dvc repro`, which makes all that the report needs")
    metrics = {name: read_json(path) for name, path in paths.items()}
    return Results(metrics, metrics.pop("baselines"))


def load_anchors() -> dict:
    """What the evaluation saw of each token's weight. Raises UserError when it has not run."""
    if not ANCHORS.exists():
        raise UserError(f"{ANCHORS} missing", next="run `dvc repro evaluation`, which writes it")
    return read_json(ANCHORS)


def read_paper(name: str) -> list[dict[str, str]]:
    """The rows of a file of the paper's own figures."""
    with (PAPER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
