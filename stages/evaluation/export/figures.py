"""The scores that a model card shows: those of the exported encoder and no other, beside the baselines'."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from stages.evaluation.compare.source import read_tasks
from stages.evaluation.export.facts import Facts
from stages.evaluation.models.meta import hash_of_weights
from stages.shared.errors import UserError
from stages.shared.files import read_json
from stages.shared.labels import labels

METRICS = Path("reports/metrics")
EVALUATION = Path("data/evaluation")

Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Row:
    """One task, or the mean over tasks, in points."""

    name: str
    score: float
    interval: Interval  # of 95%
    baselines: dict[str, float | None]  # by the name that readers see; None for a task that it has not done
    about: dict = field(default_factory=dict)  # what tasks.json has of it: type, main_score, revisions, data, ...


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

    @property
    def by_hand(self) -> list[str]:
        """The tasks whose data come from a mirror that was filled by hand."""
        return [row.name for row in self.tasks if row.about.get("data") == "folder"]

    def ahead(self, baseline: str) -> tuple[int, int]:
        """On how many tasks `baseline` has the higher score, and of how many that it has done."""
        done = [(row.baselines[baseline], row.score) for row in self.tasks if row.baselines[baseline] is not None]
        return sum(theirs > ours for theirs, ours in done), len(done)


def read_figures(encoder: Path, facts: Facts) -> Figures:
    """The scores of the encoder in the folder `encoder`, used as `facts` say. Raises UserError if there are none."""
    paths = METRICS / "evaluation.json", METRICS / "baselines.json", EVALUATION / "encoder" / "model_meta.json"
    advice = "`dvc repro evaluation` scores the encoder in data/encoder; then export again"
    if missing := [str(path) for path in paths if not path.exists()]:
        raise UserError(f"{', '.join(missing)} missing", next=advice)
    scores, baselines, meta = map(read_json, paths)
    if meta["revision"] != hash_of_weights(encoder):
        raise UserError(f"the scores in {METRICS} are of other weights than those in {encoder}", next=advice)
    if changed := _changed(meta, facts):
        raise UserError(f"the encoder was scored with other evaluation settings: {', '.join(changed)}", next=advice)
    shown = labels(baselines)
    return _figures(scores, {shown[name]: values for name, values in baselines.items()})


def _figures(scores: dict, baselines: dict[str, dict]) -> Figures:
    described, path = read_tasks(EVALUATION).get("tasks", {}), EVALUATION / "intervals.json"
    intervals = read_json(path)["encoder"] if path.exists() else {}
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


def _changed(meta: dict, facts: Facts) -> list[str]:
    """The settings that shape embeddings and were others in the scored model; those it does not name are trusted."""
    told = meta.get("experiment_kwargs") or {}
    scored = {"max_length": int(meta["max_tokens"]), **told}
    wanted = {"max_length": facts.max_length, **asdict(facts.config)}
    changed = [
        f"{name} {scored[name]}, now {value}"
        for name, value in wanted.items()
        if name in scored and scored[name] != value
    ]
    read = facts.config.instructions and "evaluation_instructions" in told  # otherwise whatever the profile says
    if read and (told["evaluation_instructions"] or {}) != facts.task_instructions:
        changed.append("evaluation.instructions")
    return changed
