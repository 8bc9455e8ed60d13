"""The scores that a model card shows: those of the exported encoder and no other, beside the baselines'."""

from dataclasses import dataclass, field
from pathlib import Path

from stages.encoder import EncoderConfig
from stages.evaluation.models.meta import hash_of_weights
from stages.shared.errors import UserError
from stages.shared.files import read_json

METRICS = Path("reports/metrics")
EVALUATION = Path("data/evaluation")
READABLE = {
    "tfidf": "TF-IDF",
    "untrained": "untrained start",
    "hashed": "hashed bag of words",
    "bm25": "BM25",
}

Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Row:
    """One task, or the mean over tasks, in points."""

    name: str
    score: float
    interval: Interval  # of 95%
    baselines: dict[str, float | None]  # by the name that readers see; None for a task that it has not done
    about: dict = field(default_factory=dict)  # type, main_score, revisions, splits, subsets, where they are known


@dataclass(frozen=True)
class Figures:
    tasks: list[Row]
    mean: Row

    @property
    def rows(self) -> list[Row]:
        return [*self.tasks, self.mean]

    @property
    def baselines(self) -> list[str]:
        return list(self.mean.baselines)

    def ahead(self, baseline: str) -> tuple[int, int]:
        """On how many tasks `baseline` has the higher score, and of how many that it has done."""
        done = [(row.baselines[baseline], row.score) for row in self.tasks if row.baselines[baseline] is not None]
        return sum(theirs > ours for theirs, ours in done), len(done)


def read_figures(encoder: Path, config: EncoderConfig) -> Figures:
    """The scores of the encoder in the folder `encoder`. Raises UserError if there are none of it."""
    paths = METRICS / "evaluation.json", METRICS / "baselines.json", EVALUATION / "encoder" / "model_meta.json"
    advice = "`dvc repro evaluation` scores the encoder in data/encoder; then export again"
    if missing := [str(path) for path in paths if not path.exists()]:
        raise UserError(f"{', '.join(missing)} missing", next=advice)
    scores, baselines, meta = map(read_json, paths)
    shape = meta.get("experiment_kwargs") or {}
    same = all(shape.get(name, value) == value for name, value in _shape(config).items())
    if meta["revision"] != hash_of_weights(encoder) or not same:
        raise UserError(f"the scores in {METRICS} are of other weights than those in {encoder}", next=advice)
    return _figures(scores, {READABLE.get(name, name): values for name, values in baselines.items()})


def _figures(scores: dict, baselines: dict[str, dict]) -> Figures:
    described = read_json(EVALUATION / "tasks.json")["tasks"] if (EVALUATION / "tasks.json").exists() else {}
    intervals = scores.get("intervals", {})
    tasks = [
        Row(
            task,
            score,
            _interval(intervals.get("tasks", {}).get(task)),
            {name: values["tasks"].get(task) for name, values in baselines.items()},
            described.get(task, {}),
        )
        for task, score in scores["tasks"].items()
    ]
    # A mean over fewer tasks is no figure to stand beside this one.
    means = {
        name: values["mean_task"] if values["tasks"].keys() >= scores["tasks"].keys() else None
        for name, values in baselines.items()
    }
    return Figures(tasks, Row("mean", scores["mean_task"], _interval(intervals.get("mean_task")), means))


def _interval(found: dict | None) -> Interval:
    return (found["low"], found["high"]) if found else None


def _shape(config: EncoderConfig) -> dict:
    return {"pooling": config.pooling, "attention": config.attention}
