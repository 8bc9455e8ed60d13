"""Score over training steps, the paper's figure: of the untrained start, the copies that training kept, and the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stages.evaluation.models.encoders import CURVE, TRAINED, UNTRAINED
from stages.evaluation.registry import Listed, list_tasks
from stages.evaluation.run import Outcome
from stages.evaluation.scores import summarise
from stages.shared.errors import UserError
from stages.shared.files import read_json, write_csv
from stages.shared.settings import Evaluation


@dataclass(frozen=True)
class Copies:
    """The copies of the encoder that training kept on its way."""

    steps: dict[str, int]  # after which step, by the name of the copy
    total: int  # steps of the whole training

    @classmethod
    def read(cls, folder: Path = CURVE) -> "Copies":
        """Those in `folder`. Raises UserError if training has not been there."""
        path = folder / "steps.json"
        if not path.exists():
            raise UserError(f"{path} does not exist", next="run `dvc repro training`")
        found = read_json(path)
        return cls({f"step-{step:06d}": step for step in found["steps"]}, found["total"])


def check_curve(options: Evaluation) -> None:
    """Raise UserError if `curve_tasks` names a task that the run has not."""
    known = [listed.name for listed in list_tasks(options.tasks, [])]
    if unknown := sorted({*(options.curve_tasks or ())} - {*known}):
        raise UserError(
            f"evaluation.curve_tasks names {', '.join(unknown)}, which evaluation.tasks does not have",
            next=f"choose among {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}, or null for all",
        )


def on_curve(tasks: list[Listed], options: Evaluation) -> list[Listed]:
    """Those of `tasks` on which copies are scored."""
    return [listed for listed in tasks if options.curve_tasks is None or listed.name in options.curve_tasks]


def write_curve(path: Path, outcomes: Mapping[str, Outcome], copies: Copies, tasks: list[Listed]) -> None:
    """One row a step: `step`, the mean over `tasks` as `score`, in points, and the ends of its 95% interval.

    A model that was not evaluated, or has no score in one of the tasks, has no row.
    """
    types = {listed.name: listed.type for listed in tasks}
    rows = []
    for name, step in {UNTRAINED: 0, **copies.steps, TRAINED: copies.total}.items():
        if name not in outcomes:
            continue
        results = {task: result for task, result in outcomes[name].results.items() if task in types}
        samples = [row for row in outcomes[name].samples if row.task in types]
        summary = summarise(results, types, samples, complete=results.keys() == types.keys())
        if "mean_task" in summary:
            bounds = summary["intervals"].get("mean_task", {"low": None, "high": None})
            rows.append({"step": step, "score": summary["mean_task"], **bounds})
    write_csv(path, [{name: _short(value) for name, value in row.items()} for row in rows])


def _short(value: float | None) -> float | None:
    return round(value, 6) if isinstance(value, float) else value
